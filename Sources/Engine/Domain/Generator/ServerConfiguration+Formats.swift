// SPDX-License-Identifier: Apache-2.0

// Usernames, domains and passwords are of characters that mean themselves in all of these formats (`GeneratedNames`).
extension ServerConfiguration {
    /// What stands before the accounts.
    var head: String {
        switch server {
        case .asterisk: asteriskHead
        case .freeswitch: "<include>\n"
        case .kamailio: "BEGIN;\n"
        }
    }

    /// What stands after them.
    var tail: String {
        switch server {
        case .asterisk: ""
        case .freeswitch: "</include>\n"
        case .kamailio: "COMMIT;\n"
        }
    }

    private var asteriskHead: String {
        """
        ; Test accounts of CallMeter, for pjsip.conf (#include this file). 'context' says what they may dial.

        [callmeter-endpoint](!)
        type=endpoint
        context=callmeter
        disallow=all
        allow=alaw,ulaw
        direct_media=no

        [callmeter-auth](!)
        type=auth
        auth_type=\(secrets == .plain ? "userpass" : "md5")\(secrets == .plain ? "" : "\nrealm=" + domain)

        [callmeter-aor](!)
        type=aor
        max_contacts=1
        remove_existing=yes

        """
    }

    /// Three sections of one name: an AOR must be called as its users register.
    func asterisk(_ entry: AccountEntry, _ writer: inout LentWriter) {
        let name = entry.username
        writer.append("\n[\(name)](callmeter-endpoint)\nauth=\(name)\naors=\(name)\n")
        writer.append("\n[\(name)](callmeter-auth)\nusername=\(name)\n")
        switch secrets {
        case .plain:
            writer.append("password=")
            writer.append(bytes: entry.password)
        case .hashed:
            writer.append("md5_cred=")
            entry.appendHA1(of: name, to: &writer)
        }
        writer.append("\n\n[\(name)](callmeter-aor)\n")
    }

    func freeswitch(_ entry: AccountEntry, _ writer: inout LentWriter) {
        writer.append("  <user id=\"\(entry.username)\">\n    <params>\n")
        switch secrets {
        case .plain:
            writer.append("      <param name=\"password\" value=\"")
            writer.append(bytes: entry.password)
        case .hashed:
            writer.append("      <param name=\"a1-hash\" value=\"")
            entry.appendHA1(of: entry.username, to: &writer)
        }
        writer.append("\"/>\n    </params>\n    <variables>\n")
        writer.append("      <variable name=\"user_context\" value=\"callmeter\"/>\n    </variables>\n  </user>\n")
    }

    /// `ha1b` is for clients that write the domain into the user name.
    func kamailio(_ entry: AccountEntry, _ writer: inout LentWriter) {
        writer.append(
            "INSERT INTO subscriber (username, domain, password, ha1, ha1b) VALUES ('\(entry.username)', '\(domain)', '"
        )
        if secrets == .plain { writer.append(bytes: entry.password) }
        writer.append("', '")
        entry.appendHA1(of: entry.username, to: &writer)
        writer.append("', '")
        entry.appendHA1(of: entry.username + "@" + domain, to: &writer)
        writer.append("');\n")
    }
}
