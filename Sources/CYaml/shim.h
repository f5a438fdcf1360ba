/* SPDX-License-Identifier: Apache-2.0
 * libyaml's event parser, as the module CYaml sees it: Swift has no other way to name a header of the system.
 */
#ifndef JACKFIELD_CYAML_H
#define JACKFIELD_CYAML_H

#include <yaml.h>

#endif
