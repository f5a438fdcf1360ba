// SPDX-License-Identifier: Apache-2.0
// jackfield: the command line.

import Glibc

var options = ServeOptions()
var at = 2
let words = CommandLine.arguments
while at < words.count {
    switch words[at] {
    case "--config": options.configPath = words[at + 1]; at += 2
    case "--listen": options.listen = words[at + 1]; at += 2
    case "--stdio": options.stdio = true; at += 1
    default: at += 1
    }
}
exit(serve(options))
