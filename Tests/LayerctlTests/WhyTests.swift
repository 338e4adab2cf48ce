import OCI
import Testing

@testable import layerctl

@Suite struct `Why something is here, or went,` {
    private func image(_ more: [JSON.Member]) -> JSON {
        .object(
            [
                .init("image", "shop:latest"), .init("id", "sha256:ab"), .init("size", 62_000_000),
                .init("frees", 1_500_000), .init("uses", 3), .init("lastUsed", "2026-11-27T06:00:00Z"),
                .init("pins", 0), .init("holders", 1),
            ] + more)
    }

    @Test func `is told of an image that stays`() {
        #expect(
            WhyCommand.text(image([.init("stays", "in use")])) == """
                shop:latest  sha256:ab
                  size 62MB, of which 1.5MB would come free
                  used 3 times, last 2026-11-27T06:00:00Z; 0 pins, 1 holders
                  stays: in use

                """)
    }

    @Test func `is told of an image that may go, with its turn`() {
        let text = WhyCommand.text(image([.init("turn", 4), .init("freedBefore", 9_000_000)]))
        #expect(text.hasSuffix("  goes as number 4, once 9MB have gone before it\n"))
    }

    @Test func `is told of a blob, by who uses it`() {
        let answer: JSON = ["digest": "sha256:cd", "users": ["shop:latest", "api:latest"]]
        #expect(WhyCommand.text(answer) == "sha256:cd is used by\n  shop:latest\n  api:latest\n")
    }

    @Test func `is told of evictions, with the reason of each`() {
        let evicted: JSON = [
            "evictions": [["at": "2026-11-27T06:00:00Z", "image": "old:1", "freed": 2_000_000, "why": "worth least"]]
        ]
        #expect(WhyCommand.text(evicted) == "2026-11-27T06:00:00Z  old:1  freed 2MB: worth least\n")
        #expect(WhyCommand.text(["evictions": []]).contains("nothing was evicted"))
    }
}
