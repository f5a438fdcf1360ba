/* SPDX-License-Identifier: Apache-2.0
 * Compiles the ABI headers, so that their JF_PIN assertions check the layout with the author's own compiler.
 */
#include <jackfield/jackfield.h>

JF_PIN_SIZE(jf_toolset_1, 72);
