/* SPDX-License-Identifier: Apache-2.0
 * Empty: the manifest is for the host to find in the library, not for code. */
