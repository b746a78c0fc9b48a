using Iced.Intel;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>Indirect calls and jumps from one place, by how many targets it has: an operation is one of them, with its way back.</summary>
public class IndirectCalls : LoopSuite
{
    private const uint Table = ProgramLayout.Data;

    internal override IReadOnlyDictionary<string, GuestLoop> Loops { get; } = new Dictionary<string, GuestLoop>
    {
        ["call, 1 target"] = ThroughTable(1, call: true),
        ["call, 2 in turn"] = ThroughTable(2, call: true),
        ["call, 4 in turn"] = ThroughTable(4, call: true),
        ["call, 16 in turn"] = ThroughTable(16, call: true),
        ["call, 256 in turn"] = ThroughTable(256, call: true),
        ["call, 16 by chance"] = ThroughTable(16, call: true, byChance: true),
        ["jump, 1 target"] = ThroughTable(1, call: false),
        ["jump, 4 in turn"] = ThroughTable(4, call: false),
        ["jump, 16 in turn"] = ThroughTable(16, call: false),
        ["jump, 256 in turn"] = ThroughTable(256, call: false),
        ["jump, 16 by chance"] = ThroughTable(16, call: false, byChance: true),
    };

    private static GuestLoop ThroughTable(int targets, bool call, bool byChance = false) => new(1, b =>
    {
        Assembler c = b.Asm;
        CodeLabel start = b.NewLabel();
        CodeLabel[] labels = [.. Enumerable.Range(0, targets).Select(_ => b.NewLabel())];
        for (int i = 0; i < targets; i++)
        {
            c.mov(__dword_ptr[Table + 4 * i], b.AddressOf(labels[i]));
        }

        c.mov(ecx, targets - 1);
        b.Mark(start);
        if (byChance)
        {
            c.imul(edx, edx, 1664525);
            c.add(edx, 1013904223);
            c.mov(ecx, edx);
            c.shr(ecx, 24);
        }
        else
        {
            c.inc(ecx);
        }

        c.and(ecx, targets - 1);
        if (call)
        {
            c.call(__dword_ptr[ecx * 4 + Table]);
            c.jmp(start.Value);
        }
        else
        {
            c.jmp(__dword_ptr[ecx * 4 + Table]);
        }

        foreach (CodeLabel label in labels)
        {
            b.Mark(label);
            c.add(eax, ebx);
            if (call)
            {
                c.ret();
            }
            else
            {
                c.jmp(start.Value);
            }
        }

        return start;
    });
}
