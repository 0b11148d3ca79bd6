// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The files of this repository, found from the place of this file.
struct SourceTree {
    let root: URL

    init(thisFile: String = #filePath) {
        root = URL(fileURLWithPath: thisFile).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
    }

    private static let folders = [
        "Sources", "Tests", "Interop", "Benchmarks", "Fuzz", "scripts", "deploy", "docs", ".ci",
    ]
    private static let topFiles = ["Package.swift", "README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
    private static let textEndings = [
        "", "swift", "c", "h", "py", "sh", "md", "xml", "yaml", "yml", "json", "txt", "cfg", "in", "sip", "html",
        "css", "js", "sql", "csv", "modulemap", "mustache",
    ]

    /// Every text file that people write, with its path relative to the root.
    func files() throws -> [SourceText] {
        var paths = Self.topFiles
        for folder in Self.folders {
            let place = root.appendingPathComponent(folder)
            guard let walk = FileManager.default.enumerator(atPath: place.path) else { continue }
            for case let path as String in walk
            where Self.textEndings.contains((path as NSString).pathExtension)
                && walk.fileAttributes?[.type] as? FileAttributeType == .typeRegular
                && !path.contains("__pycache__")
            {
                paths.append("\(folder)/\(path)")
            }
        }
        return try paths.sorted().compactMap { path in
            let place = root.appendingPathComponent(path)
            guard FileManager.default.fileExists(atPath: place.path) else { return nil }
            return SourceText(path: path, bytes: Array(try Data(contentsOf: place)))
        }
    }
}
