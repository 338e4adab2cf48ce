import ArgumentParser
import OCI
import TestSupport
import Testing

@testable import layerctl

@Suite struct `Text of an image's author` {
    @Test(arguments: [
        ("a\u{1B}[2Jb", "a [2Jb"), ("x\ty\r\n\u{7}\u{9B}31m", "x y    31m"), ("\u{202E}evil\u{2066}", " evil "),
        ("/bin/sh -c é😀", "/bin/sh -c é😀"),
    ])
    func `does nothing to the terminal`(text: String, shown: String) throws {
        #expect(HumanText.printable(text) == shown)
        let command = try #require(
            try LayerctlCommand.parseAsRoot(["history", "a", "--no-trunc"]) as? HistoryCommand)
        let step: JSON = ["CreatedBy": .string(text), "Comment": .string(text), "Id": "x", "Created": 1, "Size": 1]
        let table = try command.text([step], now: 2)
        #expect(!table.unicodeScalars.contains { $0 == "\u{1B}" || $0 == "\u{9B}" || $0 == "\u{202E}" }, "\(table)")
    }
}

@Suite struct `A figure for people` {
    @Test(arguments: [
        (Int64(0), "0B", "0B"), (999, "999B", "999B"), (1000, "1kB", "1kB"), (3_456_789, "3.457MB", "3.46MB"),
        (123_948_035, "123.9MB", "124MB"), (999_600_000, "999.6MB", "1e+03MB"), (145_824_701, "145.8MB", "146MB"),
        (-120_491_246, "-1.205e+08B", "-1.2e+08B"), (.max, "9.223EB", "9.22EB"),
    ])
    func `of bytes has four or three digits`(bytes: Int64, four: String, three: String) {
        #expect(HumanText.size(bytes) == four)
        #expect(HumanText.size(bytes, digits: 3) == three)
    }

    @Test(arguments: [
        (0.0, "Less than a second"), (1.5, "1 second"), (59.9, "59 seconds"), (60, "About a minute"),
        (120, "2 minutes"), (3599, "59 minutes"), (5399, "About an hour"), (5400, "2 hours"),
        (18_000, "5 hours"), (172_800, "2 days"), (864_000, "10 days"), (1_814_400, "3 weeks"),
        (63_000_000, "24 months"), (63_071_999, "1 years"), (1_795_481_968, "56 years"),
    ])
    func `of time has one unit`(seconds: Double, text: String) {
        #expect(HumanText.duration(seconds: seconds) == text)
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), Comment(rawValue: CorpusFiles.absence)))
    func `of bytes is docker's, for all its vectors`() throws {
        let vectors = try CorpusFiles.lines("reference/engine-api/vectors/humansize.jsonl")
        #expect(vectors.count > 50)
        for vector in vectors {
            let bytes = try #require(vector["bytes"]?.integer)
            #expect(HumanText.size(bytes) == vector["p4"]?.string)
            #expect(HumanText.size(bytes, digits: 3) == vector["p3"]?.string)
        }
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), Comment(rawValue: CorpusFiles.absence)))
    func `of time is docker's, for all its vectors`() throws {
        let vectors = try CorpusFiles.lines("reference/engine-api/vectors/humanduration.jsonl")
        #expect(vectors.count > 40)
        for vector in vectors {
            let seconds: Double? =
                switch vector["seconds"] {
                case .integer(let number): Double(number)
                case .number(let number): number
                default: nil
                }
            #expect(HumanText.duration(seconds: try #require(seconds)) == vector["text"]?.string)
        }
    }

    @Test func `cuts a command with an ellipsis, within its columns`() {
        #expect(HumanText.cut("12345", columns: 5) == "12345")
        #expect(HumanText.cut("123456", columns: 5) == "1234…")
        #expect(HumanText.shortID("sha256:f1c745bff74309ab099679c10820") == "f1c745bff743")
        #expect(HumanText.shortID("<missing>") == "<missing>")
    }
}

@Suite struct `A table` {
    @Test func `has columns of ten at least, three blanks apart, and no blanks at the end`() {
        var table = TextTable(["A", "LONG HEADER", "LAST"])
        table.add(["1", "x", "y"])
        #expect(table.text == "A         LONG HEADER   LAST\n1         x             y\n")
    }

    @Test func `gives wide characters two columns`() {
        var table = TextTable(["NAME", "X"])
        table.add(["日本語日本語", "1"])
        table.add(["ascii", "2"])
        #expect(table.text.hasSuffix("日本語日本語   1\nascii          2\n"))
    }
}
