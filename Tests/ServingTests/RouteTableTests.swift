import Serving
import Testing

@Suite struct `A route table` {
    private let table = RouteTable([
        ("GET", "/things/list", "list"), ("POST", "/things/list", "fill"), ("GET", "/things/{name:.*}/json", "inspect"),
        ("GET", "/things/{name:.*}", "show"), ("DELETE", "/things/{name:.*}", "remove"),
        ("GET", "/users/{user}/keys/{key}", "key"), ("HEAD", "/", "root"),
    ])

    @Test(arguments: [
        ("GET", "/things/list", "list", [:]), ("GET", "/things/a/json", "inspect", ["name": "a"]),
        ("GET", "/things/reg.io:5000/a/b:1/json", "inspect", ["name": "reg.io:5000/a/b:1"]),
        ("GET", "/things/reg.io%2Fa%2Fb%40sha256%3Ax/json", "inspect", ["name": "reg.io/a/b@sha256:x"]),
        ("GET", "/things/json/json", "inspect", ["name": "json"]), ("GET", "/things/json", "show", ["name": "json"]),
        ("DELETE", "/things/list", "remove", ["name": "list"]),
        ("GET", "/things/list/json", "inspect", ["name": "list"]),
        ("GET", "/users/u/keys/k", "key", ["user": "u", "key": "k"]), ("HEAD", "/", "root", [:]),
        ("GET", "/things/a//b", "show", ["name": "a//b"]),
    ])
    func `finds`(method: String, path: String, route: String, values: [String: String]) throws {
        guard case .found(let match) = table.match(method: method, path: path) else {
            Issue.record("nothing found for \(method) \(path)")
            return
        }
        #expect(match.route == route)
        #expect(match.values == values)
        for (name, value) in values { #expect(match[name] == value) }
    }

    @Test(arguments: [
        ("GET", "/"), ("GET", "/nothing"), ("GET", "/things"), ("GET", "/things/"), ("GET", "/users/u/keys"),
        ("GET", "/users//keys/k"), ("GET", "/users/u/keys/k/more"), ("GET", "/things/%zz"), ("GET", "*"), ("GET", ""),
        ("GET", "/Things/list"),
    ])
    func `does not find`(method: String, path: String) {
        if case .found(let match) = table.match(method: method, path: path) {
            Issue.record("\(path) gave \(match.route)")
        }
    }

    @Test func `names the methods a path has`() {
        guard case .otherMethod(let methods) = table.match(method: "PUT", path: "/things/list") else {
            Issue.record("no methods named")
            return
        }
        #expect(methods == ["GET", "POST", "DELETE"])
    }
}
