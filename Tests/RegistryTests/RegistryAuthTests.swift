import Registry
import Testing

@Suite struct `The header of docker's clients` {
    @Test(arguments: [
        // {"username":"ann","password":"p:w?>~"} in both alphabets, with padding and without.
        ("eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoicDp3Pz5-In0=", Credential.basic(username: "ann", password: "p:w?>~")),
        ("eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoicDp3Pz5+In0=", .basic(username: "ann", password: "p:w?>~")),
        ("eyJ1c2VybmFtZSI6ImFubiIsInBhc3N3b3JkIjoicDp3Pz5-In0", .basic(username: "ann", password: "p:w?>~")),
        // {"identitytoken":"i","username":"ann"}, {"registrytoken":"r"}
        ("eyJpZGVudGl0eXRva2VuIjoiaSIsInVzZXJuYW1lIjoiYW5uIn0=", .identityToken("i")),
        ("eyJyZWdpc3RyeXRva2VuIjoiciJ9", .registryToken("r")),
    ])
    func `holds a credential`(header: String, credential: Credential) {
        #expect(Credential(registryAuth: header) == credential)
    }

    /// `{}`, `{"username":""}`, `[]`, no JSON, no base64, nothing.
    @Test(arguments: ["e30=", "e30", "eyJ1c2VybmFtZSI6IiJ9", "W10=", "eA==", "*", "", nil])
    func `holds none, and is no error, when it is empty or malformed`(header: String?) {
        #expect(Credential(registryAuth: header) == nil)
    }
}
