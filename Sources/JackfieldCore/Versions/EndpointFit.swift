// SPDX-License-Identifier: Apache-2.0
// Which of a server's endpoints can be called by whoever knows the definition of a tool that is shown.

final class EndpointFit: Sendable, Equatable {
    private let fits: [Bool]

    /// - Parameter fits: by endpoint.
    init(_ fits: [Bool]) { self.fits = fits }

    func contains(_ endpoint: Int) -> Bool { endpoint < fits.count && fits[endpoint] }

    static func == (one: EndpointFit, other: EndpointFit) -> Bool { one.fits == other.fits }
}
