/// Where an address leads.
public enum AddressKind: Sendable, Equatable {
    /// This machine.
    case loopback
    /// Of private networks, behind carrier NAT, or unique local.
    case privateNetwork
    /// Where cloud machines find their credentials.
    case linkLocal
    /// An address nobody serves at: multicast, reserved.
    case unusable
    case publicAddress

    /// Leads to this machine or its own networks.
    public var isInside: Bool { self == .loopback || self == .privateNetwork }

    /// - Parameter address: four bytes.
    public init(version4 address: some RandomAccessCollection<UInt8>) {
        let bytes = Array(address.prefix(2))
        guard bytes.count == 2 else {
            self = .unusable
            return
        }
        switch (bytes[0], bytes[1]) {
        case (127, _), (0, _): self = .loopback
        case (10, _), (172, 16...31), (192, 168), (100, 64...127), (198, 18...19): self = .privateNetwork
        case (169, 254): self = .linkLocal
        case (224..., _): self = .unusable
        default: self = .publicAddress
        }
    }

    /// Addresses that carry an IPv4 address (mapped, compatible, NAT64, 6to4) lead where that one leads.
    /// - Parameter address: sixteen bytes.
    public init(version6 address: some RandomAccessCollection<UInt8>) {
        let bytes = Array(address.prefix(16))
        guard bytes.count == 16 else {
            self = .unusable
            return
        }
        let head = Array(bytes[..<12])
        let zeros = [UInt8](repeating: 0, count: 10)
        let carries = [zeros + [0xFF, 0xFF], zeros + [0, 0], [0, 0x64, 0xFF, 0x9B] + zeros.prefix(8)]
        switch (bytes[0], bytes[1]) {
        case _ where bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] <= 1: self = .loopback
        case _ where carries.contains(head): self.init(version4: bytes[12...])
        case (0x20, 0x02): self.init(version4: bytes[2..<6])
        case (0xFE, 0x80...0xBF): self = .linkLocal
        case (0xFC...0xFD, _), (0xFE, 0xC0...0xFF): self = .privateNetwork
        case (0xFF, _): self = .unusable
        default: self = .publicAddress
        }
    }
}
