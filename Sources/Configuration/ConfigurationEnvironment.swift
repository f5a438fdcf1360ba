// SPDX-License-Identifier: Apache-2.0
// Where `${env:NAME}` and `${file:PATH}` get their values from.

internal import Glibc

/// Where references get their values from. Tests pass their own; a program passes `.process`.
public struct ConfigurationEnvironment: Sendable {
    /// The value of an environment variable; nil where it isn't set.
    public var variable: @Sendable (_ name: String) -> String?
    /// The bytes of a file.
    public var file: @Sendable (_ path: String) -> Result<[UInt8], FileFailure>

    /// Why a file can't be read, in words that follow "can't read PATH: ".
    public struct FileFailure: Error, Sendable {
        public let reason: String

        public init(_ reason: String) { self.reason = reason }
    }

    /// Creates an environment.
    public init(
        variable: @escaping @Sendable (_ name: String) -> String?,
        file: @escaping @Sendable (_ path: String) -> Result<[UInt8], FileFailure>
    ) {
        self.variable = variable
        self.file = file
    }

    /// This process's variables and file system. Reading the variables races with `setenv`, which nothing
    /// in a running gateway calls.
    public static let process = ConfigurationEnvironment(
        variable: { name in getenv(name).map { String(cString: $0) } },
        file: { path in readFile(path, limit: FileLimits.referencedFile) })
}

/// Reads a regular file. Devices and pipes are refused: they may block or never end.
func readFile(_ path: String, limit: Int) -> Result<[UInt8], ConfigurationEnvironment.FileFailure> {
    guard !path.utf8.contains(0) else { return .failure(.init("the path holds a zero byte")) }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { return .failure(.init(String(cString: strerror(errno)))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { return .failure(.init(String(cString: strerror(errno)))) }
    guard status.st_mode & S_IFMT == S_IFREG else {
        return .failure(
            .init(status.st_mode & S_IFMT == S_IFDIR ? "it is a directory" : "it is not a regular file"))
    }
    var bytes: [UInt8] = []
    while true {
        // One byte over the limit tells a file that is too large from one that just fits.
        let room = min(65_536, limit + 1 - bytes.count)
        var count = 0
        var code: Int32 = 0
        bytes += [UInt8](unsafeUninitializedCapacity: room) { buffer, initialized in
            repeat {
                count = read(descriptor, buffer.baseAddress, room)
                code = errno
            } while count < 0 && code == EINTR
            initialized = max(count, 0)
        }
        if count < 0 { return .failure(.init(String(cString: strerror(code)))) }
        if count == 0 { return .success(bytes) }
        if bytes.count > limit { return .failure(.init("it has more than \(byteSizeText(limit))")) }
    }
}

/// The folder that holds a file or folder: "." for a bare name.
func parentFolder(of path: String) -> String {
    let trimmed = path.hasSuffix("/") ? path.dropLast() : path[...]
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// A path as the process can open it: relative ones count from `folder`.
func resolve(_ path: String, in folder: String) -> String {
    guard !path.hasPrefix("/"), folder != "." else { return path }
    let plain = path.hasPrefix("./") ? String(path.dropFirst(2)) : path
    return folder.hasSuffix("/") ? folder + plain : folder + "/" + plain
}
