internal import SystemPackage

/// One time the machine was up.
enum Boot {
    /// The kernel's name for this one; empty where it gives none, and then every boot passes for the same.
    static let current: String = {
        do {
            // The kernel's files say that they are empty.
            let bytes = try readSmallFile("/proc/sys/kernel/random/boot_id", sized: false)
            return String(decoding: bytes.prefix { $0 > 0x20 }, as: UTF8.self)
        } catch { return "" }
    }()
}
