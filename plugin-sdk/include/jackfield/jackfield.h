/* SPDX-License-Identifier: Apache-2.0
 * Everything at once, for hosts and for those who do not mind. A plugin includes only what it uses. */
#ifndef JACKFIELD_JACKFIELD_H
#define JACKFIELD_JACKFIELD_H

#include "auth.h"
#include "base.h"
#include "callback.h"
#include "calls.h"
#include "clock.h"
#include "config.h"
#include "connector.h"
#include "credentials.h"
#include "filter.h"
#include "http.h"
#include "interpose.h"
#include "listener.h"
#include "log.h"
#include "loop.h"
#include "memory.h"
#include "message.h"
#include "ops.h"
#include "policy.h"
#include "principal.h"
#include "routing.h"
#include "seal.h"
#include "signing.h"
#include "state.h"
#include "store.h"
#include "toolset.h"

#endif
