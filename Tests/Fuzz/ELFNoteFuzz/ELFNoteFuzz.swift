// SPDX-License-Identifier: Apache-2.0
// libFuzzer harness: any bytes as a plugin's file. Build with `-sanitize=fuzzer,address -parse-as-library`.

import JackfieldCore

private func check(_ condition: Bool, _ what: String) {
    if !condition { fatalError(what) }
}

/// Reads the bytes as an ELF file and, where that works, its manifest. Nothing may trap, and what comes out
/// keeps the documented bounds.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    do throws(ELFFault) {
        let image = try ELFImage(bytes: bytes)
        check(image.size == UInt64(size), "a size that is not the file's")
        check(!image.segments.isEmpty, "an image without segments")
        for segment in image.segments where segment.type == 1 && segment.fileSize > 0 {
            check(segment.offset &+ segment.fileSize <= image.size, "a segment outside the file")
        }
        for finding in ELFLint.check(image) {
            check(!finding.code.isEmpty && !finding.text.isEmpty, "a finding that says nothing")
        }
        check(image.entryMajors.allSatisfy { $0 >= 0 && $0 < 10_000 }, "an entry of an impossible ABI")
        guard let note = image.manifest else { return 0 }
        check(note.count <= ELFImage.manifestLimit + 1 && !note.contains(0), "a manifest beyond its limit")
        if let manifest = try? PluginManifest(parsing: note) {
            check(!manifest.id.isEmpty && manifest.id.utf8.count <= 128, "an id out of bounds")
            check(!(manifest.facets + manifest.provides).isEmpty, "a manifest without use")
        }
    } catch {
        check(!error.text.isEmpty, "a refusal without a reason")
    }
    return 0
}
