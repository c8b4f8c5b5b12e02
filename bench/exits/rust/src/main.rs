//! The peer of the benchmark on kvm-ioctls: the same loops as in C and in Go. It
//! reads lines "row count" and answers each with the nanoseconds that all of them
//! took, or with "error" and what failed.
//!
//! Usage: peer [processor [threads beside the one that measures]]

mod guest;

use std::hint::black_box;
use std::io::{self, BufRead, Write};
use std::time::Instant;
use std::{env, mem, process, thread};

use kvm_ioctls::{Cap, Error, Kvm, VcpuExit};

use guest::Guest;

type Fallible<T> = Result<T, String>;

fn failed(what: &'static str) -> impl Fn(Error) -> String {
    move |e| format!("{what}: {e}")
}

fn is_eintr(e: &Error) -> bool {
    e.errno() == libc::EINTR
}

struct Peer {
    kvm: Kvm,
    port: Guest,
    mmio: Guest,
    decode: Guest,
    idle: Guest,
    sink: u64, // so that nothing is left out for want of use
}

type Row = fn(&mut Peer, u64) -> Fallible<()>;

const ROWS: &[(&str, Row)] = &[
    ("port-io", Peer::port_io),
    ("mmio", Peer::mmio),
    ("decode", Peer::decode),
    ("immediate", Peer::immediate),
    ("get-regs", Peer::get_regs),
    ("check-extension", Peer::check_extension),
    ("vm-cycle", Peer::vm_cycle),
];

impl Peer {
    fn new() -> Fallible<Peer> {
        let kvm = Kvm::new().map_err(failed("open /dev/kvm"))?;
        let mut peer = Peer {
            port: Guest::new(&kvm, guest::PORT_CODE)?,
            mmio: Guest::new(&kvm, guest::MMIO_CODE)?,
            decode: Guest::new(&kvm, guest::DECODE_CODE)?,
            idle: Guest::new(&kvm, guest::HALT_CODE)?,
            kvm,
            sink: 0,
        };
        peer.idle.vcpu.set_kvm_immediate_exit(1);
        Ok(peer)
    }

    /// The nanoseconds of a row's calls. A few calls before those that count bring
    /// back what the other sides have pushed out of the caches.
    fn turn(&mut self, line: &str) -> Fallible<u128> {
        let (name, count) = line.split_once(' ').ok_or("a line without a count")?;
        let count = count.parse().map_err(|e| format!("{line}: {e}"))?;
        let (_, row) = ROWS
            .iter()
            .find(|(n, _)| *n == name)
            .ok_or(format!("no row {name}"))?;
        row(self, count / 4 + 1)?;
        let start = Instant::now();
        row(self, count)?;
        let took = start.elapsed().as_nanos();
        black_box(self.sink);
        Ok(took)
    }

    fn port_io(&mut self, n: u64) -> Fallible<()> {
        let mut left = n;
        while left > 0 {
            match self.port.vcpu.run() {
                Ok(VcpuExit::IoOut(port, data)) => {
                    self.sink = self.sink.wrapping_add(u64::from(port) + u64::from(data[0]))
                }
                Err(e) if is_eintr(&e) => continue,
                other => return Err(format!("exit {other:?}, want IoOut")),
            }
            left -= 1;
        }
        Ok(())
    }

    fn mmio(&mut self, n: u64) -> Fallible<()> {
        let mut left = n;
        while left > 0 {
            match self.mmio.vcpu.run() {
                Ok(VcpuExit::MmioWrite(addr, data)) => {
                    self.sink = self.sink.wrapping_add(addr + u64::from(data[0]))
                }
                Err(e) if is_eintr(&e) => continue,
                other => return Err(format!("exit {other:?}, want MmioWrite")),
            }
            left -= 1;
        }
        Ok(())
    }

    /// Exits of both kinds in both directions, with all that the library hands out
    /// of them: it keeps the direction in the variant, and size and count in the
    /// length of the data.
    fn decode(&mut self, n: u64) -> Fallible<()> {
        let mut left = n;
        while left > 0 {
            let read = match self.decode.vcpu.run() {
                Ok(VcpuExit::IoOut(port, data)) => 1 + u64::from(port) + written(data),
                Ok(VcpuExit::IoIn(port, data)) => u64::from(port) + answer(data, self.sink),
                Ok(VcpuExit::MmioWrite(addr, data)) => (1 + addr).wrapping_add(written(data)),
                Ok(VcpuExit::MmioRead(addr, data)) => addr + answer(data, self.sink),
                Err(e) if is_eintr(&e) => continue,
                other => return Err(format!("exit {other:?}, want port I/O or MMIO")),
            };
            self.sink = self.sink.wrapping_add(read);
            left -= 1;
        }
        Ok(())
    }

    fn immediate(&mut self, n: u64) -> Fallible<()> {
        for _ in 0..n {
            match self.idle.vcpu.run() {
                Err(e) if is_eintr(&e) => {}
                other => return Err(format!("KVM_RUN with immediate_exit: {other:?}")),
            }
        }
        Ok(())
    }

    fn get_regs(&mut self, n: u64) -> Fallible<()> {
        for _ in 0..n {
            let regs = self.idle.vcpu.get_regs().map_err(failed("KVM_GET_REGS"))?;
            self.sink = self.sink.wrapping_add(regs.rip);
        }
        Ok(())
    }

    fn check_extension(&mut self, n: u64) -> Fallible<()> {
        for _ in 0..n {
            if self.kvm.check_extension_int(Cap::UserMemory) <= 0 {
                return Err("KVM_CHECK_EXTENSION".into());
            }
        }
        Ok(())
    }

    fn vm_cycle(&mut self, n: u64) -> Fallible<()> {
        for _ in 0..n {
            Guest::new(&self.kvm, guest::HALT_CODE)?.run_to_halt()?;
        }
        Ok(())
    }
}

/// The number in what the guest writes, and how long it is.
fn written(data: &[u8]) -> u64 {
    let number = match *data {
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_ne_bytes([a, b])),
        [a, b, c, d] => u64::from(u32::from_ne_bytes([a, b, c, d])),
        [a, b, c, d, e, f, g, h] => u64::from_ne_bytes([a, b, c, d, e, f, g, h]),
        _ => 0,
    };
    number.wrapping_add(data.len() as u64)
}

/// Gives the guest what it reads, and returns how long it is.
fn answer(data: &mut [u8], number: u64) -> u64 {
    let bytes = number.to_ne_bytes();
    let n = data.len().min(bytes.len());
    data[..n].copy_from_slice(&bytes[..n]);
    n as u64
}

/// The processor to stay on, so that all sides measure on the same one.
fn pin(cpu: usize) -> Fallible<()> {
    // SAFETY: zero is an empty set, and it is of the size that is given.
    let done = unsafe {
        let mut set: libc::cpu_set_t = mem::zeroed();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, mem::size_of_val(&set), &set)
    };
    if done != 0 {
        return Err(format!(
            "pin to processor {cpu}: {}",
            io::Error::last_os_error()
        ));
    }
    Ok(())
}

fn argument(i: usize) -> Fallible<Option<usize>> {
    let parse = |a: String| a.parse().map_err(|e| format!("{a}: {e}"));
    env::args().nth(i).map(parse).transpose()
}

fn serve() -> Fallible<()> {
    for _ in 0..argument(2)?.unwrap_or(0) {
        thread::spawn(|| {
            loop {
                thread::park()
            }
        });
    }
    if let Some(cpu) = argument(1)? {
        pin(cpu)?;
    }
    let mut peer = Peer::new()?;
    let mut out = io::stdout();
    for line in io::stdin().lock().lines() {
        let took = peer.turn(&line.map_err(|e| e.to_string())?)?;
        writeln!(out, "{took}").map_err(|e| e.to_string())?;
    }
    Ok(())
}

fn main() {
    if let Err(e) = serve() {
        println!("error {e}");
        process::exit(1);
    }
}
