using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>From block to block, without calls: an operation is a block of two or three instructions.</summary>
public class Chaining : LoopSuite
{
    private const int PageOfInstructions = 4096;

    internal override IReadOnlyDictionary<string, GuestLoop> Loops { get; } = new Dictionary<string, GuestLoop>
    {
        ["to itself"] = new(1, static b =>
        {
            CodeLabel start = b.Here();
            b.Asm.add(eax, ebx);
            b.Asm.jmp(start.Value);
            return start;
        }),
        ["8 in a page"] = Ring(8, perPage: 8),
        ["8 in 8 pages"] = Ring(8, perPage: 1),
        ["128 in a page"] = Ring(128, perPage: 128),
        ["128 in 16 pages"] = Ring(128, perPage: 8),
        ["4096 in 64 pages"] = Ring(4096, perPage: 64),
        ["never taken"] = Conditional(static (c, target) => c.jc(target)),
        ["always taken"] = Conditional(static (c, target) => c.jnc(target)),
        ["taken by chance"] = new(1, static b =>
        {
            // The upper bits of a linear congruential generator: no predictor of the Host's finds a period.
            Assembler c = b.Asm;
            CodeLabel other = b.NewLabel();
            CodeLabel start = b.Here();
            c.imul(eax, eax, 1664525);
            c.add(eax, 1013904223);
            c.js(other.Value);
            c.lea(ebx, __[ebx + 1]);
            c.jmp(start.Value);
            b.Mark(other);
            c.lea(ecx, __[ecx + 1]);
            c.jmp(start.Value);
            return start;
        }),
    };

    /// <summary>Blocks that jump to each other in a ring, spread over pages.</summary>
    private static GuestLoop Ring(int blocks, int perPage) => new(blocks, b =>
    {
        Assembler c = b.Asm;
        CodeLabel[] labels = [.. Enumerable.Range(0, blocks + 1).Select(_ => b.NewLabel())];
        for (int i = 0; i < blocks; i++)
        {
            // Not by its neighbour: a jump to the next instruction would be no work for any linker.
            int place = Reversed(i, perPage);
            b.Mark(labels[place]);
            c.add(eax, ebx);
            c.lea(ecx, __[ecx + eax]);
            c.AddInstruction(Instruction.CreateBranch(Code.Jmp_rel32_32, labels[(place + 1) % blocks].Value.Id));
            if (perPage < blocks && (i + 1) % perPage == 0)
            {
                // The three instructions are 2, 3 and 5 bytes.
                Fill(c, PageOfInstructions - 10 * perPage);
            }
        }

        return labels[0];
    });

    private static int Reversed(int index, int perPage) => index / perPage * perPage + (perPage - 1 - index % perPage);

    private static GuestLoop Conditional(Action<Assembler, Label> branch) => GuestLoop.Unrolled(
        16,
        static b => b.Asm.add(eax, 0),
        (b, _) =>
        {
            CodeLabel target = b.NewLabel();
            b.Asm.add(eax, 0);
            branch(b.Asm, target.Value);
            b.Asm.inc(ecx);
            b.Mark(target);
        });

    private static void Fill(Assembler c, int bytes)
    {
        for (int i = 0; i < bytes; i++)
        {
            c.db(0xCC);
        }
    }
}
