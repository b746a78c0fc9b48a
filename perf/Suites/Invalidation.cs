using Iced.Intel;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>Code that is written to by the Guest: an operation is one rewrite, and running what was rewritten.</summary>
public class Invalidation : LoopSuite
{
    internal override IReadOnlyDictionary<string, GuestLoop> Loops { get; } = new Dictionary<string, GuestLoop>
    {
        ["in its own block"] = Rewriting(static (c, patched) => c.add(__dword_ptr[patched + 1], 3), nextBlock: false),
        ["in the next block"] = Rewriting(static (c, patched) => c.add(__dword_ptr[patched + 1], 3), nextBlock: true),
        ["in another page"] = Rewriting(static (c, patched) => c.add(__dword_ptr[patched + 1], 3), nextBlock: true, distance: 4096),
        ["by another alias of its page"] =
            Rewriting(static (c, patched) => c.add(__dword_ptr[patched + 1 + BenchGuest.Alias], 3), nextBlock: true, distance: 4096),
        ["to what it was before"] = Rewriting(
            static (c, patched) =>
            {
                c.mov(edx, __dword_ptr[patched + 1]);
                c.mov(__dword_ptr[patched + 1], edx);
            },
            nextBlock: true),
        ["data beside code, 64 bytes away"] = Rewriting(static (c, patched) => c.add(__dword_ptr[patched + 64], 3), nextBlock: true),
        ["data beside code, 1 KiB away"] = Rewriting(static (c, patched) => c.add(__dword_ptr[patched + 1024], 3), nextBlock: true),
        ["data in a page of its own"] = Rewriting(static (c, _) => c.add(__dword_ptr[ProgramLayout.Data], 3), nextBlock: true),
    };

    private static GuestLoop Rewriting(Action<Assembler, uint> rewrite, bool nextBlock, int distance = 0) => new(1, b =>
    {
        Assembler c = b.Asm;
        CodeLabel patched = b.NewLabel();
        CodeLabel start = b.Here();
        rewrite(c, b.AddressOf(patched));
        if (nextBlock)
        {
            c.AddInstruction(Instruction.CreateBranch(Code.Jmp_rel32_32, patched.Value.Id));
        }

        for (int i = 0; i < distance; i++)
        {
            c.db(0xCC);
        }

        b.Mark(patched);
        c.add(eax, 0x12345678);
        c.jmp(start.Value);
        return start;
    });
}
