using System.Globalization;
using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Memory;
using Lguest.Jit.Core.State;
using Lguest.Jit.Launcher.Deterministic;
using Lguest.Jit.Switcher;

namespace Lguest.Jit.Launcher.Compare;

/// <summary>One thing that a Guest's state has, as a person reads it.</summary>
/// <param name="Name">Of it.</param>
/// <param name="Value">Of it.</param>
/// <param name="IsRare">One of many of a kind, to be shown only where it differs.</param>
internal readonly record struct StateField(string Name, string Value, bool IsRare = false)
{
    private static readonly string[] s_general = ["eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"];
    private static readonly string[] s_segments = ["es", "cs", "ss", "ds", "fs", "gs"];

    private static readonly (uint Bit, string Name)[] s_flags =
    [
        (Eflags.Carry, "CF"), (Eflags.Parity, "PF"), (Eflags.Adjust, "AF"), (Eflags.Zero, "ZF"), (Eflags.Sign, "SF"), (Eflags.Trap, "TF"),
        (Eflags.Direction, "DF"), (Eflags.Overflow, "OF"), (Eflags.NestedTask, "NT"), (Eflags.AlignmentCheck, "AC"), (Eflags.Identification, "ID"),
    ];

    /// <summary>All of a Guest's, always in the same order.</summary>
    public static unsafe IReadOnlyList<StateField> Of(DeterministicGuest guest)
    {
        GuestCpu* cpu = guest.Machine.Cpu;
        var fields = new List<StateField>();
        void Add(string name, string value, bool rare = false) => fields.Add(new StateField(name, value, rare));

        Add("instructions", guest.Instructions.ToString(CultureInfo.InvariantCulture));
        Add("end", guest.End is { } end ? $"{end.Kind} {end.Message}" : "none");
        for (int i = 0; i < s_general.Length; i++)
        {
            Add(s_general[i], Hex(cpu->Gpr[i]));
        }

        Add("eip", Hex(cpu->Eip));
        uint flags = LazyFlags.Read(cpu);
        Add("eflags", $"{Hex(flags)} {string.Join(' ', s_flags.Where(f => (flags & f.Bit) != 0).Select(static f => f.Name))}".TrimEnd());
        Add("cpl", $"{cpu->Cpl}");
        for (int i = 0; i < s_segments.Length; i++)
        {
            SegmentRegister* segment = GuestCpu.Segment(cpu, i);
            Add(s_segments[i], $"{segment->Selector:x4} base {segment->Base:x8} limit {segment->Limit:x8} attributes {segment->Attributes:x4}");
        }

        AddLguest(guest, Add);
        Add("fpu control", $"{cpu->Fpu.ControlWord:x4}");
        Add("fpu status", $"{cpu->Fpu.StatusWord:x4}");
        Add("fpu tags", $"{cpu->Fpu.Tags:x2}");
        Add("fpu last", $"opcode {cpu->Fpu.LastOpcode:x3} at {cpu->Fpu.InstructionSelector:x4}:{cpu->Fpu.InstructionOffset:x8} data {cpu->Fpu.DataSelector:x4}:{cpu->Fpu.DataOffset:x8}");
        for (int i = 0; i < 8; i++)
        {
            Core.Fpu.F80 value = cpu->Fpu.Registers[i];
            Add($"r{i}", Convert.ToHexStringLower(new ReadOnlySpan<byte>(&value, 10)), rare: true);
        }

        for (int i = 0; i < GuestCpu.GdtEntries; i++)
        {
            Add($"gdt {i}", $"{cpu->Gdt[i]:x16}", rare: true);
        }

        for (int i = 0; i < 256; i++)
        {
            Add($"idt {i}", $"{cpu->Idt[i]:x16}", rare: true);
        }

        return fields;
    }

    private static unsafe void AddLguest(DeterministicGuest guest, Action<string, string, bool> add)
    {
        GuestCpu* cpu = guest.Machine.Cpu;
        SoftMmu mmu = guest.Machine.Mmu;
        string Data(uint offset) => guest.Machine.Ram.TryRead32(cpu->LguestData + offset, out uint value) ? Hex(value) : "unreadable";

        add("page directory", mmu.Paging ? Hex(mmu.PageDirectory) : "paging off", false);
        add("kernel stack", $"{cpu->Ss1:x4}:{cpu->Esp1:x8}", false);
        add("sysenter", $"{Hex(cpu->FastCall.Cs)} esp {Hex(cpu->FastCall.Esp)} eip {Hex(cpu->FastCall.Eip)}", cpu->FastCall.Enabled == 0);
        add("ts", $"{cpu->Ts}", false);
        add("halted", $"{cpu->Halted}", false);
        add("irqs pending", Hex(cpu->PendingInterrupts), false);
        add("lguest_data", Hex(cpu->LguestData), false);
        add("noirq_iret", Hex(cpu->NoirqIret), false);
        add("irq_enabled", Data(LguestData.IrqEnabled), false);
        add("irq_pending", Data(LguestData.IrqPending), false);
        add("blocked_interrupts", Data(LguestData.BlockedInterrupts), false);
        add("cr2", Data(LguestData.Cr2), false);
        add("clock", guest.Machine.Clock.ReadTsc(guest.Instructions).ToString(CultureInfo.InvariantCulture), false);
        add("console output", $"{guest.Output.Count} bytes, hash {guest.Output.Hash:x16}", false);
    }

    private static string Hex(uint value) => value.ToString("x8", CultureInfo.InvariantCulture);
}
