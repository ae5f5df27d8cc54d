package conformance

import "syscall"

// endWithParent has a program killed when the tests are, whatever kills them.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
