@testable import Serving
import Testing

@Suite struct `A request's target` {
    @Test(arguments: [
        ("a%20b", "a b"), ("a+b", "a+b"), ("%2Fx%2f", "/x/"), ("caf%C3%A9", "café"), ("", ""), ("%25", "%"),
        ("library%2Falpine%3A3.20", "library/alpine:3.20"),
    ])
    func `is percent-decoded to`(text: String, decoded: String) {
        #expect(ServerRequest.percentDecode(text) == decoded)
    }

    @Test(arguments: ["%", "%2", "%zz", "%2g", "a%", "%C3", "%ff", "%00", "%+1"])
    func `is not decoded when a percent sign makes no text`(text: String) {
        #expect(ServerRequest.percentDecode(text) == nil)
    }

    @Test(arguments: [
        ("/", "/"), ("/a/b?c=d", "/a/b"), ("/a%2Fb", "/a%2Fb"), ("*", "*"), ("http://host:80/a?b", "/a"),
        ("HTTP://host", "/"), ("https://host?b=c", "/"), ("/images//x", "/images//x"), ("/?", "/"), ("/../a", "/../a"),
    ])
    func `keeps its path as it was sent`(target: String, path: String) {
        #expect(TargetParts(target)?.path == path)
    }

    @Test(arguments: ["", "a", "host:443", "/%", "/%zz", "/?a=%", "/?%zz=b", "/a%00b", "http://", "http:///a", "**"])
    func `is refused`(target: String) {
        #expect(TargetParts(target) == nil)
    }

    @Test(arguments: [
        ("", [String]()), ("a=b", ["a=b"]), ("a=b&a=c&B=d", ["a=b", "a=c", "B=d"]), ("a", ["a="]), ("a=", ["a="]),
        ("=b", ["=b"]), ("&&a=b&", ["a=b"]), ("a=b+c%2Bd", ["a=b c+d"]), ("a+b=c", ["a b=c"]), ("a=b=c", ["a=b=c"]),
        ("a=b;c=d", ["a=b;c=d"]), ("a=%26&b=%3D", ["a=&", "b=="]), ("a=b?c", ["a=b?c"]),
        ("filters=%7B%22dangling%22%3A%7B%22true%22%3Atrue%7D%7D", [#"filters={"dangling":{"true":true}}"#]),
    ])
    func `has its query decoded in order`(query: String, pairs: [String]) {
        #expect(TargetParts("/?" + query)?.query.map { "\($0.name)=\($0.value)" } == pairs)
    }

    @Test func `can be asked for parameters by name`() throws {
        let request = try #require(ServerRequest("GET", "/x?a=1&b=2&a=3"))
        #expect(request.parameter("a") == "1")
        #expect(request.parameters("a") == ["1", "3"])
        #expect(request.parameter("c") == nil)
    }
}
