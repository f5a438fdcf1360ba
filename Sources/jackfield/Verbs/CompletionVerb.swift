// SPDX-License-Identifier: Apache-2.0
// `jackfield completion`: its declaration.

let completionCommand: Command = Command(
    name: "completion",
    summary: "print a shell's completion script",
    positionals: [
        Positional(name: "SHELL", kind: .choice(["bash", "zsh", "fish"]), summary: "bash, zsh or fish")
    ],
    examples: [
        Example("source <(jackfield completion bash)", "in ~/.bashrc"),
        Example("jackfield completion zsh > ~/.zfunc/_jackfield", "where $fpath has ~/.zfunc"),
        Example("jackfield completion fish > ~/.config/fish/completions/jackfield.fish", "for fish"),
    ]
) { arguments throws(UsageProblem) in
    let root = jackfieldCommand
    switch arguments.positionals[0] {
    case "bash": standardOutput.write(bashCompletion(root))
    case "zsh": standardOutput.write(zshCompletion(root))
    default: standardOutput.write(fishCompletion(root))
    }
    return 0
}
