@testable import Serving
import Testing

@Suite struct `Header fields` {
    @Test func `are found whatever their letter case`() {
        let headers = ServerHeaders([("Content-Type", "a"), ("X", "1"), ("x", "2")])
        #expect(headers.first("CONTENT-type") == "a")
        #expect(headers.all("X") == ["1", "2"])
        #expect(headers.first("Y") == nil)
    }

    @Test func `are replaced, added and removed by name`() {
        var headers = ServerHeaders([("X", "1"), ("x", "2"), ("Y", "3")])
        headers.set("X", "4")
        headers.add("y", "5")
        #expect(headers == ServerHeaders([("Y", "3"), ("X", "4"), ("y", "5")]))
        headers.remove("Y")
        #expect(headers == ServerHeaders([("x", "4")]))
    }
}

@Suite struct `A Date field` {
    @Test(arguments: [
        (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"), (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
        (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"), (1_794_614_368, "Fri, 13 Nov 2026 23:59:28 GMT"),
    ])
    func `reads`(seconds: Int, text: String) {
        #expect(httpDate(seconds) == text)
    }
}
