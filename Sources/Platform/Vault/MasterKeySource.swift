// SPDX-License-Identifier: Apache-2.0

import Bedrock
import Glibc

/// Where the master key comes from. Nothing of the key itself is in here.
public enum MasterKeySource: Hashable, Sendable {
    /// A file that only its owner may read.
    case file(path: String)
    /// The variable `CALLMETER_MASTER_KEY`.
    case environment
    /// `callmeter-master-key` in the folder that systemd names in `CREDENTIALS_DIRECTORY`.
    case credential(path: String)
    /// This process made it and tells nobody: what is sealed under it ends with the process.
    case process

    /// Holds the key as 64 hexadecimal digits or as base64.
    static let variable = "CALLMETER_MASTER_KEY"
    private static let credentialName = "callmeter-master-key"

    /// The source that file option and environment name.
    ///
    /// `usual` is the file where nothing is named. Throws `masterKeyAmbiguous` when more than one is named.
    public static func choose(file: String?, usual: String) throws(VaultError) -> MasterKeySource {
        try choose(file: file, usual: usual, in: .process)
    }

    /// Where variables are looked up and removed.
    struct Environment {
        var get: (String) -> UnsafeMutablePointer<CChar>?
        var remove: (String) -> Void

        /// This process's own.
        static var process: Environment { Environment(get: { getenv($0) }, remove: { unsetenv($0) }) }
    }

    static func choose(
        file: String?, usual: String, in environment: Environment
    ) throws(VaultError) -> MasterKeySource {
        var named: [MasterKeySource] = []
        if let file { named.append(.file(path: file)) }
        if environment.get(variable) != nil { named.append(.environment) }
        if let folder = environment.get("CREDENTIALS_DIRECTORY") {
            let path = String(cString: folder) + "/" + credentialName
            if access(path, F_OK) == 0 { named.append(.credential(path: path)) }
        }
        guard named.count <= 1 else { throw .masterKeyAmbiguous(sources: named.map(\.words)) }
        return named.first ?? .file(path: usual)
    }

    /// For status and errors: what it is and, for a file, where.
    public var words: String {
        switch self {
        case .file(let path): "the file \(path)"
        case .environment: "the environment variable \(Self.variable)"
        case .credential(let path): "the systemd credential \(path)"
        case .process: "this process alone"
        }
    }

    /// One word for programs.
    public var kind: String {
        switch self {
        case .file: "file"
        case .environment: "environment"
        case .credential: "credential"
        case .process: "process"
        }
    }

    /// Takes the key out of the environment: the text is wiped where it lies and the variable removed, so that neither child
    /// processes nor this process's own environment show it.
    static func take(from environment: Environment) throws(VaultError) -> MasterKey {
        guard let text = environment.get(variable) else { throw .masterKeyText }
        let count = strlen(text)
        let memory = LockedMemory(minimumCount: KeyText.longest)
        let fits = count <= KeyText.longest
        if fits {
            memory.withMutableBytes { $0.copyMemory(from: UnsafeRawBufferPointer(start: text, count: count)) }
        }
        LockedMemory.wipe(UnsafeMutableRawBufferPointer(start: text, count: count))
        environment.remove(variable)
        // 32 characters would pass for a key's bytes; in a variable they are a mistake.
        guard fits, count > MasterKey.length, let key = KeyText.key(in: memory, count: count) else {
            throw .masterKeyText
        }
        return key
    }
}
