extension Golden {
    static let compose: [Golden] = [
        Golden(
            "compose.yaml",
            """
            services:
              web:
                image: nginx:1.27-alpine
                ports: ["8080:80"]
                depends_on: [api]
              api:
                image: "ghcr.io/acme/api:2.4.1"
                environment:
                  DATABASE_URL: postgres://db/app
              db:
                image: postgres:16
                volumes: [data:/var/lib/postgresql/data]
            volumes:
              data: {}
            """, ["nginx:1.27-alpine", "ghcr.io/acme/api:2.4.1", "postgres:16"]),
        Golden(
            "docker-compose.yml",
            """
            version: "3.8"
            services:
              wordpress:
                image: wordpress
                restart: always
              mysql:
                image: 'mysql:8.0'
                command: --default-authentication-plugin=mysql_native_password
            """, ["wordpress", "mysql:8.0"]),
        Golden(
            "built/compose.yml",
            """
            services:
              app:
                build: .
                image: acme/app:dev
              worker:
                build: {context: ., dockerfile: worker.Dockerfile}
              redis:
                image: redis:7-alpine
            """, ["redis:7-alpine"]),
        Golden(
            "variables/compose.yaml",
            """
            services:
              a:
                image: ${REGISTRY:-docker.io}/library/alpine:${ALPINE_VERSION:-3.20}
              b:
                image: busybox:${BUSYBOX-1.36}
              c:
                image: quay.io/prometheus/prometheus:${PROM:-${FALLBACK:-v2.53.0}}
            """,
            [
                "docker.io/library/alpine:3.20", "busybox:1.36", "quay.io/prometheus/prometheus:v2.53.0",
            ]),
        Golden(
            "unset/compose.yaml",
            """
            services:
              app:
                image: acme/app:${TAG}
              db:
                image: postgres:16
            """, ["postgres:16"], problems: ["service app: \"acme/app:${TAG}\": TAG has no default"]),
        Golden(
            "anchors/compose.yaml",
            """
            x-base: &base
              image: python:3.12-slim
              restart: unless-stopped
            services:
              web:
                <<: *base
                command: gunicorn app
              beat:
                <<: *base
                image: python:3.13-slim
            """, ["python:3.12-slim", "python:3.13-slim"]),
        Golden(
            "platforms/compose.yaml",
            """
            services:
              amd:
                image: mcr.microsoft.com/mssql/server:2022-latest
                platform: linux/amd64
              arm:
                image: alpine:3.20
                platform: linux/arm64/v8
            """, ["mcr.microsoft.com/mssql/server:2022-latest linux/amd64", "alpine:3.20 linux/arm64/v8"]),
        Golden(
            "digests/compose.yaml",
            """
            services:
              pinned:
                image: traefik:v3.1@sha256:\(String(repeating: "a", count: 64))
              twice:
                image: traefik:v3.1@sha256:\(String(repeating: "a", count: 64))
            """, ["traefik:v3.1@sha256:" + String(repeating: "a", count: 64)]),
        Golden(
            "profiles.compose.yaml",
            """
            name: observability
            services:
              grafana: {image: "grafana/grafana:11.1.0", profiles: [metrics]}
              loki:
                image: >-
                  grafana/loki:3.1.0
              tempo:
                image: grafana/tempo:2.5.0 # traces
            """, ["grafana/grafana:11.1.0", "grafana/loki:3.1.0", "grafana/tempo:2.5.0"]),
        Golden(
            "local/compose.yaml",
            """
            services:
              own:
                image: localhost:5000/team/app:1.0
              money:
                image: registry.example.com:8443/a/b$$c
            """, ["localhost:5000/team/app:1.0"], problems: ["invalid reference"]),
        Golden("empty/compose.yaml", "services: {}\n", []),
        Golden("broken/compose.yaml", "services:\n  a: [\n", [], problems: ["broken/compose.yaml cannot be read"]),
    ]
}
