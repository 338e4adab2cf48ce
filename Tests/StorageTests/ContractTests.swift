import Storage
import TestSupport
import Testing

@Suite struct `Every content store` {
    @Test(arguments: contentStoreContract)
    func `keeps the contract in memory`(clause: StoreClause) async throws {
        try await clause.check(MemoryContentStore())
    }

    @Test(arguments: contentStoreContract)
    func `keeps the contract on the disk`(clause: StoreClause) async throws {
        try await withStateDirectory { root in
            try await clause.check(LocalContentStore(root: root))
        }
    }
}
