using Lguest.Jit.Core.State;

namespace Lguest.Jit.Switcher;

/// <content>The Guest's IDT, and the rules about which software interrupts it may use.</content>
internal sealed unsafe partial class InterruptsAndTraps
{
    /// <summary>Gate types that a Guest may load (SDM vol. 3, §6.11).</summary>
    private const int InterruptGate = 0xE;
    private const int TrapGate = 0xF;

    /// <summary>
    /// DPL of the gate that the real CPU would use for each vector, which is what decides over <c>int n</c>. lguest kept
    /// whole gates into the Switcher; we have no Switcher to point them at.
    /// </summary>
    private readonly byte[] _gateDpl = new byte[IdtEntries];

    /// <summary>CHANGED_IDT: <see cref="_gateDpl"/> is behind the Guest's IDT.</summary>
    private bool _idtChanged;

    /// <summary>idt_address: where the handler is. The selector in the gate is ignored.</summary>
    public static uint IdtAddress(uint lo, uint hi) => (lo & 0x0000FFFF) | (hi & 0xFFFF0000);

    /// <summary>idt_type: 0xE is an interrupt gate, 0xF a trap gate.</summary>
    public static int IdtType(uint lo, uint hi)
    {
        _ = lo;
        return (int)(hi >> 8) & 0xF;
    }

    /// <summary>idt_present.</summary>
    public static bool IdtPresent(uint lo, uint hi)
    {
        _ = lo;
        return (hi & 0x8000) != 0;
    }

    /// <summary>could_be_syscall: Linux's vector always, and the one that the options name (Plan 9 uses 0x40).</summary>
    public bool CouldBeSyscall(int num) => num == Vectors.Syscall || num == _context.Options.SyscallVector;

    /// <summary>check_syscall_vector: LGUEST_INIT asks whether the vector that the Guest wants is one we let through.</summary>
    public bool CheckSyscallVector() =>
        _data.TryRead(LguestData.SyscallVec, out uint vector) && vector < IdtEntries && CouldBeSyscall((int)vector);

    /// <summary>
    /// direct_trap: may this vector go to the Guest without the Host having a look? Page faults may be ours, general
    /// protection faults may be port accesses, "device not available" may be about our TS, and 31 is the hypercall.
    /// </summary>
    public bool DirectTrap(int num)
    {
        if (num >= Vectors.FirstExternal && !CouldBeSyscall(num))
        {
            return false;
        }

        return num is not (Vectors.PageFault or Vectors.GeneralProtection or Vectors.DeviceNotAvailable or Vectors.Hypercall);
    }

    /// <summary>set_trap: what a gate looks like once stored.</summary>
    /// <returns>False if the Guest had to be killed: lguest knows neither task gates nor call gates.</returns>
    private bool SetTrap(out ulong trap, uint lo, uint hi)
    {
        trap = 0;
        if (!IdtPresent(lo, hi))
        {
            return true;
        }

        int type = IdtType(lo, hi);
        if (type is not (InterruptGate or TrapGate))
        {
            _context.Kill($"bad IDT type {type}");
            return false;
        }

        // Address, present bit, DPL and type are the Guest's; the code segment is always its kernel's.
        uint a = (KernelCs << 16) | (lo & 0x0000FFFF);
        uint b = hi & 0xFFFFEF00;
        trap = a | ((ulong)b << 32);
        return true;
    }

    /// <summary>load_guest_idt_entry: LHCALL_LOAD_IDT_ENTRY.</summary>
    /// <remarks>
    /// NMI, double fault, the spurious vector and the hypercall are not the Guest's to handle. They are ignored before
    /// anything is checked: Linux does load a task gate for vector 8.
    /// </remarks>
    public void LoadGuestIdtEntry(uint num, uint lo, uint hi)
    {
        if (num is Vectors.Nmi or Vectors.DoubleFault or 15 or Vectors.Hypercall)
        {
            return;
        }

        if (num >= IdtEntries)
        {
            _context.Kill($"Setting idt entry {num}");
            return;
        }

        if (SetTrap(out ulong trap, lo, hi))
        {
            _cpu->Idt[num] = trap;
            _cpu->Direct.Gates[num] = 0;
            _idtChanged = true;
        }
    }

    /// <summary>
    /// default_idt_entry: the gate that the CPU uses for a vector that goes through the Host: an interrupt gate for ring 0,
    /// unless it is the hypercall, or there is a Guest's gate (<paramref name="base"/>) to take the DPL from.
    /// </summary>
    private void DefaultIdtEntry(int trap, ulong @base = 0)
    {
        _gateDpl[trap] = trap == Vectors.Hypercall ? (byte)GuestPl : (byte)((@base >> 45) & 3);
    }

    /// <summary>setup_default_idt_entries: all 256, while the Guest has none of its own.</summary>
    private void SetupDefaultIdtEntries()
    {
        for (int i = 0; i < IdtEntries; i++)
        {
            DefaultIdtEntry(i);
        }
    }

    /// <summary>
    /// copy_traps: brings the gates in force up to date with the Guest's IDT, where it has a say. Here lguest copied trap gates to
    /// where the CPU would take them directly, and all others with the Guest's DPL but leading into the Switcher; our
    /// direct gates are of both kinds, because we can clear <c>irq_enabled</c> ourselves.
    /// </summary>
    private void CopyTraps()
    {
        for (int i = 0; i < IdtEntries; i++)
        {
            if (DirectTrap(i))
            {
                DefaultIdtEntry(i, _cpu->Idt[i]);
            }

            SetDirectGate(i);
        }

        _idtChanged = false;
    }

    /// <summary>Before an entry into the Guest, or a look at the rules: has its IDT changed?</summary>
    public void UpdateGates()
    {
        if (_idtChanged)
        {
            CopyTraps();
        }
    }

    /// <summary>
    /// May the code that runs execute <c>int $num</c>? The gate's DPL against CPL (SDM vol. 2, INT n); if not, #GP(num × 8 + 2)
    /// is due.
    /// </summary>
    public bool MayInterrupt(int num)
    {
        UpdateGates();
        return _gateDpl[num] >= _cpu->Cpl;
    }
}
