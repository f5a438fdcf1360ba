// SPDX-License-Identifier: Apache-2.0
// Where the files of a run are that plugins make under the paths of sampled configurations.

import Glibc
import JackfieldCore

/// A private directory of this run, removed with all that is in it when the run ends. The processes of single
/// cases are told where it is.
public enum SampleFolder {
    private static let variable = "JACKFIELD_CHECK_FOLDER"

    static let path: String = told ?? StateDirectory.temporary()?.path ?? "/tmp"

    private static let told: String? = {
        guard let told = getenv(variable), told.pointee == CChar(UInt8(ascii: "/")) else { return nil }
        return String(cString: told)
    }()

    /// Tells the processes that are started from now on.
    static func announce() { setenv(variable, path, 1) }

    /// Removes the files of a process that ends by `_exit`, unless another one does it.
    public static func clear() {
        guard told == nil, path != "/tmp", let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            unlink(path + "/" + name)
        }
        closedir(folder)
        rmdir(path)
    }
}
