//! The guests, which are those of the Go side.

use std::ptr;

use kvm_bindings::{kvm_regs, kvm_userspace_memory_region};
use kvm_ioctls::{Kvm, VcpuExit, VcpuFd, VmFd};

use crate::{Fallible, failed, is_eintr};

const RAM_SIZE: usize = 0x10000;
const CODE_ADDR: usize = 0x1000;
const DEVICE_GPA: u64 = 0x10000; // the first address after RAM

/// out 0x10, al; jmp to it
pub const PORT_CODE: &[u8] = &[0xe6, 0x10, 0xeb, 0xfc];
/// mov [0], al with DS at DEVICE_GPA; jmp to it
pub const MMIO_CODE: &[u8] = &[0xa2, 0x00, 0x00, 0xeb, 0xfb];
/// out 0x10, ax; in al, 0x10; mov [0], ax; mov al, [0]; jmp to the first
pub const DECODE_CODE: &[u8] = &[
    0xe7, 0x10, 0xe4, 0x10, 0xa3, 0x00, 0x00, 0xa0, 0x00, 0x00, 0xeb, 0xf4,
];
pub const HALT_CODE: &[u8] = &[0xf4];

/// Anonymous memory.
struct Ram(*mut u8);

impl Ram {
    fn new(code: &[u8]) -> Fallible<Ram> {
        let prot = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        // SAFETY: a new mapping, and the code fits.
        unsafe {
            let p = libc::mmap(ptr::null_mut(), RAM_SIZE, prot, flags, -1, 0);
            if p == libc::MAP_FAILED {
                return Err("mmap of RAM".into());
            }
            let ram = p.cast::<u8>();
            ptr::copy_nonoverlapping(code.as_ptr(), ram.add(CODE_ADDR), code.len());
            Ok(Ram(ram))
        }
    }
}

impl Drop for Ram {
    fn drop(&mut self) {
        // SAFETY: made by new, and the VM that used it is gone (see Guest).
        unsafe { libc::munmap(self.0.cast(), RAM_SIZE) };
    }
}

/// One VM with one vCPU in real mode. Its parts end in this order.
pub struct Guest {
    pub vcpu: VcpuFd,
    _vm: VmFd,
    _ram: Ram,
}

impl Guest {
    pub fn new(kvm: &Kvm, code: &[u8]) -> Fallible<Guest> {
        let ram = Ram::new(code)?;
        let vm = kvm.create_vm().map_err(failed("KVM_CREATE_VM"))?;
        let slot = kvm_userspace_memory_region {
            memory_size: RAM_SIZE as u64,
            userspace_addr: ram.0 as u64,
            ..Default::default()
        };
        // SAFETY: the RAM stays mapped longer than the VM.
        unsafe { vm.set_user_memory_region(slot) }.map_err(failed("KVM_SET_USER_MEMORY_REGION"))?;
        let vcpu = vm.create_vcpu(0).map_err(failed("KVM_CREATE_VCPU"))?;
        set_regs(&vcpu)?;
        Ok(Guest {
            vcpu,
            _vm: vm,
            _ram: ram,
        })
    }

    /// Runs the guest to its HLT.
    pub fn run_to_halt(&mut self) -> Fallible<()> {
        loop {
            match self.vcpu.run() {
                Ok(VcpuExit::Hlt) => return Ok(()),
                Err(e) if is_eintr(&e) => {}
                other => return Err(format!("exit {other:?}, want HLT")),
            }
        }
    }
}

fn set_regs(vcpu: &VcpuFd) -> Fallible<()> {
    let mut sregs = vcpu.get_sregs().map_err(failed("KVM_GET_SREGS"))?;
    (sregs.cs.base, sregs.cs.selector) = (0, 0);
    (sregs.ds.base, sregs.ds.selector) = (DEVICE_GPA, (DEVICE_GPA >> 4) as u16);
    vcpu.set_sregs(&sregs).map_err(failed("KVM_SET_SREGS"))?;
    let regs = kvm_regs {
        rip: CODE_ADDR as u64,
        rflags: 2,
        ..Default::default()
    };
    vcpu.set_regs(&regs).map_err(failed("KVM_SET_REGS"))
}
