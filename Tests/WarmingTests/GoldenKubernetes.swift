extension Golden {
    private static func workload(_ kind: String, _ version: String, _ image: String) -> String {
        """
        apiVersion: \(version)
        kind: \(kind)
        metadata: {name: app}
        spec:
          template:
            metadata: {labels: {app: app}}
            spec:
              containers:
              - name: app
                image: \(image)
        """
    }

    static let kubernetes: [Golden] = [
        Golden(
            "pod.yaml",
            """
            apiVersion: v1
            kind: Pod
            metadata:
              name: web
            spec:
              initContainers:
              - name: init
                image: busybox:1.36
                command: ["sh", "-c", "until nslookup db; do sleep 2; done"]
              containers:
              - name: web
                image: nginx:1.27
              - image: envoyproxy/envoy:v1.31.0
                name: proxy
              ephemeralContainers:
              - name: debugger
                image: nicolaka/netshoot
            """, ["busybox:1.36", "nginx:1.27", "envoyproxy/envoy:v1.31.0", "nicolaka/netshoot"]),
        Golden("deployment.yaml", workload("Deployment", "apps/v1", "ghcr.io/acme/web:1"), ["ghcr.io/acme/web:1"]),
        Golden("statefulset.yaml", workload("StatefulSet", "apps/v1", "cassandra:5"), ["cassandra:5"]),
        Golden("daemonset.yaml", workload("DaemonSet", "apps/v1", "fluent/fluent-bit:3.1"), ["fluent/fluent-bit:3.1"]),
        Golden("replicaset.yml", workload("ReplicaSet", "apps/v1", "httpd:2.4"), ["httpd:2.4"]),
        Golden("controller.yml", workload("ReplicationController", "v1", "perl:5.40"), ["perl:5.40"]),
        Golden("job.yaml", workload("Job", "batch/v1", "\"alpine/git:v2.45.2\""), ["alpine/git:v2.45.2"]),
        Golden(
            "cronjob.yaml",
            """
            apiVersion: batch/v1
            kind: CronJob
            metadata: {name: backup}
            spec:
              schedule: "0 3 * * *"
              jobTemplate:
                spec:
                  template:
                    spec:
                      restartPolicy: OnFailure
                      containers:
                        - {name: backup, image: "restic/restic:0.17.0"}
            """, ["restic/restic:0.17.0"]),
        Golden(
            "all.yaml",
            """
            # a whole application
            ---
            apiVersion: v1
            kind: Service
            metadata: {name: web}
            spec: {ports: [{port: 80}]}
            ---
            \(workload("Deployment", "apps/v1", "memcached:1.6"))
            ---
            \(workload("StatefulSet", "apps/v1", "rabbitmq:3-management"))
            ---
            """, ["memcached:1.6", "rabbitmq:3-management"]),
        Golden(
            "list.yaml",
            """
            apiVersion: v1
            kind: List
            items:
            - apiVersion: v1
              kind: Pod
              spec: {containers: [{name: a, image: "redis:7"}]}
            - apiVersion: v1
              kind: ConfigMap
              data: {image: "not:one"}
            """, ["redis:7"]),
        Golden(
            "operator.yaml",
            """
            apiVersion: argoproj.io/v1alpha1
            kind: Rollout
            spec:
              template:
                spec:
                  containers:
                  - name: main
                    image: registry.k8s.io/echoserver:1.10
                  volumes:
                  - name: model
                    image: {reference: "quay.io/models/tiny:1", pullPolicy: IfNotPresent}
            """, ["registry.k8s.io/echoserver:1.10", "quay.io/models/tiny:1"]),
        Golden(
            "pod.json", #"{"apiVersion":"v1","kind":"Pod","spec":{"containers":[{"name":"a","image":"caddy:2"}]}}"#,
            ["caddy:2"]),
        Golden(
            "template.yaml",
            """
            apiVersion: v1
            kind: Pod
            spec:
              containers:
              - name: app
                image: "{{ .Values.image }}:{{ .Values.tag }}"
              - name: side
                image: alpine:3
            """, ["alpine:3"], problems: ["container app: "]),
    ]
}
