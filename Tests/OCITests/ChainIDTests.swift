import Hashing
import OCI
import TestSupport
import Testing

@Suite struct `The chain IDs of layers` {
    private let diffIDs = ["a", "b", "c"].map { Digest.sha256(of: Array($0.utf8)) }

    @Test func `are none for no layers, and the diffID itself for one`() {
        #expect(ChainID.chain(of: [], sha256: Digest.sha256(of:)).isEmpty)
        #expect(ChainID.chain(of: [diffIDs[0]], sha256: Digest.sha256(of:)) == [diffIDs[0]])
    }

    @Test func `hash the chain below, a space and the diffID`() {
        let chain = ChainID.chain(of: diffIDs, sha256: Digest.sha256(of:))
        #expect(chain.count == 3)
        #expect(chain[1] == .sha256(of: Array("\(diffIDs[0]) \(diffIDs[1])".utf8)))
        #expect(chain[2] == .sha256(of: Array("\(chain[1]) \(diffIDs[2])".utf8)))
    }

    @Test(.enabled(if: CorpusFiles.isPresent(), "\(CorpusFiles.absence)"))
    func `agree with the corpus`() throws {
        var tested = 0
        for row in try CorpusFiles.cases("chain-id") {
            let input = try #require(row["input"]?.array).compactMap(\.string)
            // The specification's own unit test uses "sha256:a", which is no digest.
            guard !input.contains(where: { $0.utf8.count < 71 }) else { continue }
            let chain = ChainID.chain(of: try input.map { try Digest(parsing: $0) }, sha256: Digest.sha256(of:))
            #expect(chain.map(\.description) == row["expected"]?.array?.compactMap(\.string), "\(row)")
            tested += 1
        }
        for row in try CorpusFiles.lines("reference/engine-api/vectors/chainid.jsonl") {
            let input = try #require(row["diff_ids"]?.array).compactMap(\.string)
            let chain = ChainID.chain(of: try input.map { try Digest(parsing: $0) }, sha256: Digest.sha256(of:))
            #expect(chain.last?.description == row["chain_id"]?.string)
            tested += 1
        }
        #expect(tested > 15)
    }
}
