// SPDX-License-Identifier: Apache-2.0
// jackfield-cell: the small host that runs one plugin out of process, or rehearses loading one.

import CLinux
import Glibc

let arguments = Array(CommandLine.arguments.dropFirst())
exit(runCell(arguments))
