/// One file of a kind that people have, and what it asks for: images, each with its platform if it names one.
struct Golden: Sendable, CustomStringConvertible {
    let name: String
    let text: String
    let images: [String]
    let problems: [String]

    init(_ name: String, _ text: String, _ images: [String], problems: [String] = []) {
        self.name = name
        self.text = text
        self.images = images
        self.problems = problems
    }

    var description: String { name }

    static let all = compose + kubernetes + dockerfiles + quadlets + lists
}

extension Golden {
    static let quadlets: [Golden] = [
        Golden(
            "web.container",
            """
            [Unit]
            Description=A web server
            After=network-online.target

            [Container]
            Image=docker.io/library/nginx:1.27
            PublishPort=8080:80
            Volume=web.volume:/usr/share/nginx/html

            [Install]
            WantedBy=default.target
            """, ["docker.io/library/nginx:1.27"]),
        Golden("own.container", "[Container]\nImage=app.build\nExec=sleep infinity\n", []),
        Golden("unit.container", "[Container]\nImage=base.image\n", []),
        Golden(
            "base.image", "[Image]\nImage=quay.io/fedora/fedora-minimal:41\nArch=arm64\n",
            ["quay.io/fedora/fedora-minimal:41 linux/arm64"]),
        Golden("data.volume", "[Volume]\nDriver=image\nImage=quay.io/acme/data:3\n", ["quay.io/acme/data:3"]),
        Golden(
            "long.container", "; comment\n[Container]\nEnvironment=A=1 \\\n  B=2\nImage=docker://alpine:3.20\n",
            ["alpine:3.20"]),
        Golden(
            "template@.container", "[Container]\nImage=acme/app:%i\n", [],
            problems: ["\"acme/app:%i\": systemd's specifiers"]),
        Golden("play.kube", "[Kube]\nYaml=play.yaml\n", []),
    ]

    static let lists: [Golden] = [
        Golden(
            "images.txt",
            """
            # what every machine has
            alpine:3.20
            redis:7.*          # the latest seven
            debian:12-slim linux/arm64

            ghcr.io/acme/tool@sha256:\(String(repeating: "b", count: 64))
            """,
            [
                "alpine:3.20", "redis:7.*", "debian:12-slim linux/arm64",
                "ghcr.io/acme/tool@sha256:" + String(repeating: "b", count: 64),
            ]),
        Golden("twice.list", "alpine\nalpine\nalpine linux/s390x\n", ["alpine", "alpine linux/s390x"]),
        Golden(
            "bad.txt", "alpine 3.20 linux/amd64\nUpper/Case\nnode:^22\n", ["node:^22"],
            problems: ["\"alpine 3.20 linux/amd64\"", "invalid reference"]),
        Golden("nothing", "\n# nothing\n", []),
    ]

    static let dockerfiles: [Golden] = [
        Golden("Dockerfile", "FROM alpine:3.20\nRUN apk add curl\n", ["alpine:3.20"]),
        Golden(
            "stages/Dockerfile",
            """
            # syntax=docker/dockerfile:1.9
            FROM golang:1.23 AS build
            WORKDIR /src
            COPY . .
            RUN go build -o /out/app
            FROM build AS test
            RUN go test ./...
            FROM scratch
            COPY --from=build /out/app /app
            COPY --from=0 /etc/ssl /etc/ssl
            ENTRYPOINT ["/app"]
            """, ["docker/dockerfile:1.9", "golang:1.23"]),
        Golden(
            "arguments/Dockerfile",
            """
            ARG NODE_VERSION=22
            ARG VARIANT="bookworm-slim"
            FROM node:${NODE_VERSION}-${VARIANT} AS deps
            FROM node:$NODE_VERSION
            ARG NODE_VERSION=1
            """, ["node:22-bookworm-slim", "node:22"]),
        Golden(
            "platform/Dockerfile",
            """
            FROM --platform=$BUILDPLATFORM rust:1.81 AS build
            FROM --platform=linux/arm64 debian:bookworm-slim
            """, ["rust:1.81", "debian:bookworm-slim linux/arm64"]),
        Golden(
            "copy.Dockerfile",
            """
            from python:3.12-slim as base
            copy --from=ghcr.io/astral-sh/uv:0.4.18 /uv /bin/
            run --mount=type=bind,from=busybox:1.36,target=/b --mount=type=cache,target=/c /b/bin/true
            """, ["python:3.12-slim", "ghcr.io/astral-sh/uv:0.4.18", "busybox:1.36"]),
        Golden(
            "heredoc/Dockerfile",
            """
            FROM debian:12
            RUN <<EOF
            FROM not:an-image
            apt-get update
            EOF
            COPY <<-"end" /etc/x
            FROM nor:this
            end
            FROM ubuntu:24.04
            """, ["debian:12", "ubuntu:24.04"]),
        Golden(
            "continued/Containerfile",
            """
            # escape=`
            FROM `
              # a comment between
              mcr.microsoft.com/windows/nanoserver:ltsc2022 `
              AS base
            RUN echo `
              hello
            """, ["mcr.microsoft.com/windows/nanoserver:ltsc2022"]),
        Golden(
            "unset/Dockerfile", "ARG BASE\nFROM ${BASE}\nFROM alpine:3\n", ["alpine:3"],
            problems: ["\"${BASE}\": BASE has no default"]),
        Golden(
            "defaults/Dockerfile", "ARG TAG\nFROM alpine:${TAG:-3.19}\nFROM busybox:${TAG:+x}1\n",
            ["alpine:3.19", "busybox:1"]),
        Golden("unnamed", "# a build file without its name\nFROM eclipse-temurin:21-jre\n", ["eclipse-temurin:21-jre"]),
    ]
}
