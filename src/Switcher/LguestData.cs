using Lguest.Jit.Core.Machine;
using Lguest.Jit.Core.Snapshots;

namespace Lguest.Jit.Switcher;

/// <summary>
/// <c>struct lguest_data</c> (include/linux/lguest.h): 1388 bytes of Guest memory through which Host and Guest talk without
/// an exit. It is ordinary memory that the Guest changes behind our back, so nothing read here is ever kept.
/// </summary>
/// <remarks>
/// Addressed by the physical address that LGUEST_INIT gave. INIT checked that all of it lies in RAM, and RAM never
/// shrinks; every access is checked again all the same, because that is what "hostile" means.
/// </remarks>
internal sealed unsafe class LguestData(GuestMachine machine)
{
    /// <summary>The virtual interrupt flag: bit 9 is the Guest's idea of EFLAGS.IF. Often a whole EFLAGS word.</summary>
    public const uint IrqEnabled = 0x000;

    /// <summary>Bit n: IRQ n is masked.</summary>
    public const uint BlockedInterrupts = 0x004;

    /// <summary>Address of the last page fault that was delivered.</summary>
    public const uint Cr2 = 0x008;

    /// <summary>Wall clock, whole seconds since the epoch.</summary>
    public const uint TimeSeconds = 0x00C;

    /// <summary>Wall clock, nanoseconds within the second.</summary>
    public const uint TimeNanoseconds = 0x010;

    /// <summary><see cref="InterruptFlag"/> here says: an interrupt waits, hypercall when you enable.</summary>
    public const uint IrqPending = 0x014;

    /// <summary>One byte for each slot of the asynchronous ring.</summary>
    public const uint HcallStatus = 0x018;

    /// <summary>The slots of the ring, 20 bytes each.</summary>
    public const uint Hcalls = 0x058;

    /// <summary>Bytes at the top of the address space that the Guest must leave alone.</summary>
    public const uint ReserveMem = 0x558;

    /// <summary>Frequency of <c>rdtsc</c> in kHz.</summary>
    public const uint TscKhz = 0x55C;

    /// <summary>Virtual address of the one <c>iret</c> that nothing may interrupt.</summary>
    public const uint NoirqIret = 0x560;

    /// <summary>PAGE_OFFSET: from here up all page directories are alike.</summary>
    public const uint KernelAddress = 0x564;

    /// <summary>The vector of system calls that the Guest wants to use.</summary>
    public const uint SyscallVec = 0x568;

    /// <summary>sizeof(struct lguest_data).</summary>
    public const uint Size = 0x56C;

    /// <summary>X86_EFLAGS_IF, as it appears in <see cref="IrqEnabled"/> and <see cref="IrqPending"/>.</summary>
    public const uint InterruptFlag = 0x200;

    /// <summary>Has LGUEST_INIT told us where the structure is? (0 would be a legal, if odd, address.)</summary>
    public bool Initialised { get; private set; }

    /// <summary>Guest-physical address of the structure.</summary>
    public uint Address => machine.Cpu->LguestData;

    /// <summary>LGUEST_INIT: from now on the structure is at <paramref name="physical"/>, for ever.</summary>
    public void Locate(uint physical)
    {
        machine.Cpu->LguestData = physical;
        Initialised = true;
    }

    public void ExchangeState(StateArchive archive) => Initialised = archive.Value(Initialised);

    /// <summary>get_user: one word of the structure.</summary>
    public bool TryRead(uint offset, out uint value)
    {
        value = 0;
        return Initialised && machine.Ram.TryRead32(Address + offset, out value);
    }

    /// <summary>put_user: stores one word, or kills with lguest's words for what it was <paramref name="doing"/>.</summary>
    public bool Write(uint offset, uint value, string doing)
    {
        if (Initialised && machine.Ram.TryWrite32(Address + offset, value))
        {
            return true;
        }

        machine.Kill(doing);
        return false;
    }

    /// <summary>write_timestamp (hypercalls.c): the wall clock at INIT and at each interrupt, on the base that rdtsc has.</summary>
    public bool WriteTimestamp()
    {
        long now = machine.Clock.WallClockNanoseconds(machine.Retired);
        return Write(TimeSeconds, (uint)(now / 1_000_000_000), "Writing timestamp")
            && Write(TimeNanoseconds, (uint)(now % 1_000_000_000), "Writing timestamp");
    }
}
