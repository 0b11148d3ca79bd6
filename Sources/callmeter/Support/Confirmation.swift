// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

/// `--yes`, or a question on the terminal, before something is deleted.
struct Confirmation: ParsableArguments {
    @Flag(help: "Do not ask.")
    var yes = false

    /// Throws unless the answer is yes. Where nobody can be asked, `--yes` is needed.
    func ask(_ question: String) throws(CommandFailure) {
        if yes { return }
        guard isatty(STDIN_FILENO) == 1 else { throw .usage("\(question) Nobody can be asked here: say --yes.") }
        Output.write("\(question) [y/N] ", to: STDERR_FILENO)
        let answer = readLine()?.lowercased()
        guard answer == "y" || answer == "yes" else { throw .usage("nothing was deleted") }
    }
}
