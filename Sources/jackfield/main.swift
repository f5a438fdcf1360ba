// SPDX-License-Identifier: Apache-2.0
// jackfield: the command line.

import Glibc

exit(runCommandLine(Array(CommandLine.arguments.dropFirst())))
