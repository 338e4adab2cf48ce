import OCI
import Testing

@testable import layerctl

@Suite struct `The archive verbs` {
    @Test func `print a load as docker prints it`() throws {
        #expect(LoadCommand.text(["stream": "Loaded image: a:1\n"]) == "Loaded image: a:1\n")
        let half: JSON = ["id": "abc", "progressDetail": ["current": 5, "total": 10], "status": "Loading layer"]
        #expect(LoadCommand.text(half) == "")
        let whole: JSON = ["id": "abc", "progressDetail": ["current": 10, "total": 10], "status": "Loading layer"]
        #expect(LoadCommand.text(whole) == "abc: Loading layer  10B\n")
    }

    @Test func `print a comparison as a table and a summary`() throws {
        let report: JSON = [
            "commonLayers": 1, "commonBytes": 1000, "bytesToFetch": 2500, "to": ["bytes": 3500],
            "firstDifference": ["step": 1, "from": "COPY a", "to": "COPY b", "sameInstruction": false],
            "layers": [
                [
                    "position": 0, "relation": "common", "size": 1000, "fetched": 0, "instruction": "FROM  x",
                    "why": "shared",
                ]
            ], "advice": "do otherwise",
        ]
        let text = CompareCommand.text(report, columns: 45)
        #expect(
            text == """
                LAYER     RELATION   SIZE      TO FETCH   INSTRUCTION   WHY
                0         common     1kB       0B         FROM x        shared

                Common: 1 layers, 1kB
                To fetch: 2.5kB of 3.5kB
                First difference: step 1
                  from: COPY a
                  to:   COPY b
                Advice: do otherwise

                """)
    }

    @Test func `take platforms as docker does`() throws {
        #expect(
            try PlatformOption.json("linux/arm64/v8")
                == "{\"architecture\":\"arm64\",\"os\":\"linux\",\"variant\":\"v8\"}")
        #expect(throws: (any Error).self) { try PlatformOption.json("not a platform") }
    }
}
