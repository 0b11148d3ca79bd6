// SPDX-License-Identifier: Apache-2.0

import Domain

extension DocumentNode {
    /// The same test with the files of its registrars' `tls` named from where the test file is, not from the working directory.
    func withFilesBeside(_ testFile: String) -> DocumentNode {
        guard let slash = testFile.lastIndex(of: "/") else { return self }
        let folder = testFile[...slash]
        return mapping("registrars") { registrars in
            registrars.everyValue { registrar in
                registrar.mapping("tls") { tls in
                    ["ca", "cert", "key"].reduce(tls) { tls, key in
                        tls.mapping(key) { file in
                            guard case .scalar(let name, let position) = file, !name.isEmpty, !name.hasPrefix("/")
                            else {
                                return file
                            }
                            return .scalar(folder + name, position)
                        }
                    }
                }
            }
        }
    }

    /// The same mapping with the value of one key changed; anything else as it is.
    private func mapping(_ key: String, _ change: (DocumentNode) -> DocumentNode) -> DocumentNode {
        guard case .mapping(let entries, let position) = self else { return self }
        let changed = entries.map { entry in
            entry.key == key ? Entry(key: key, position: entry.position, value: change(entry.value)) : entry
        }
        return .mapping(changed, position)
    }

    private func everyValue(_ change: (DocumentNode) -> DocumentNode) -> DocumentNode {
        guard case .mapping(let entries, let position) = self else { return self }
        let changed = entries.map { Entry(key: $0.key, position: $0.position, value: change($0.value)) }
        return .mapping(changed, position)
    }
}
