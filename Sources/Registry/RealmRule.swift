/// Which token server a registry may send us to. The realm is the registry's word, and whoever stands there is shown
/// the credential.
enum RealmRule {
    /// Domains under which strangers register names: a common second level is no common owner. The usual country-code
    /// ones, written out because the full public suffix list is a dependency that ages; a missing one errs towards
    /// trust only for registries that use such a domain.
    private static let publicSuffixes: Set<String> = [
        "co.uk", "org.uk", "ac.uk", "gov.uk", "com.au", "net.au", "org.au", "co.nz", "co.jp", "ne.jp", "or.jp",
        "ac.jp", "co.kr", "or.kr", "co.in", "net.in", "com.br", "net.br", "org.br", "com.cn", "net.cn", "org.cn",
        "com.tw", "com.hk", "com.sg", "com.my", "co.id", "co.th", "com.vn", "com.ph", "com.tr", "com.mx", "com.ar",
        "com.co", "com.pe", "co.za", "co.il", "com.ua", "com.pl", "com.ru",
    ]

    /// Domains whose names belong to the owner's customers: there only the very same host is the registry's own.
    private static let tenantDomains: Set<String> = [
        "azurecr.io", "amazonaws.com", "on.aws", "cloudfront.net", "azure.com", "azurewebsites.net", "windows.net",
        "azureedge.net", "appspot.com", "run.app", "web.app", "firebaseapp.com", "cloudfunctions.net", "jfrog.io",
        "github.io", "githubusercontent.com", "gitlab.io", "herokuapp.com", "fly.dev", "pages.dev", "workers.dev",
        "r2.dev", "cloudflarestorage.com", "digitaloceanspaces.com", "ondigitalocean.app", "netlify.app",
        "vercel.app", "onrender.com", "railway.app", "ngrok.io", "ngrok.app", "ngrok-free.app", "duckdns.org",
        "nip.io", "sslip.io", "ts.net",
    ]

    /// Whether a credential for `registry` may be shown at `realm`.
    static func allows(_ realm: WebAddress, for registry: WebAddress, configured: [String]) -> Bool {
        if configured.contains(where: { WebAddress($0)?.origin == realm.origin }) { return true }
        guard realm.origin.isSecure || !registry.origin.isSecure else { return false }
        let (theirs, own) = (
            InternetHost.withoutFinalDot(realm.origin.host), InternetHost.withoutFinalDot(registry.origin.host)
        )
        if theirs == own { return true }
        guard !InternetHost.isLiteral(theirs), !InternetHost.isLiteral(own) else { return false }
        guard let domain = registrableDomain(of: own) else { return false }
        return registrableDomain(of: theirs) == domain
    }

    /// The part of a name that one owner registered: the last two labels, three under a public suffix. `nil` when
    /// nobody but the host itself is known to belong to the owner.
    static func registrableDomain(of host: String) -> String? {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, labels.allSatisfy({ !$0.isEmpty }) else { return nil }
        let lastTwo = labels.suffix(2).joined(separator: ".")
        if tenantDomains.contains(lastTwo) { return nil }
        guard publicSuffixes.contains(lastTwo) else { return lastTwo }
        return labels.count >= 3 ? labels.suffix(3).joined(separator: ".") : nil
    }
}
