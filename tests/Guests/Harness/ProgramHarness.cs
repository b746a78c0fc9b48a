using Iced.Intel;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Switcher;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Guests.Harness;

/// <summary>
/// What stands around a benchmark program on one kind of machine: sets it up, says "run" on its console, calls the
/// program, prints the checksum as eight hexadecimal digits, perhaps does so again, and ends the machine. A watcher
/// outside takes the time between the two lines of a round.
/// </summary>
internal abstract class ProgramHarness
{
    /// <summary>The port where a Guest leaves its exit status (design §12.11); QEMU's isa-debug-exit device, told so, sits there too.</summary>
    protected const byte ExitPort = 0xF4;

    /// <summary>Turns of an empty loop: some ten milliseconds.</summary>
    private const int Linger = 20_000_000;

    /// <summary>The program with this around it.</summary>
    /// <param name="program">What to run.</param>
    /// <param name="iterations">How often, at least 1.</param>
    /// <param name="paging">Run behind page tables that map 16 MiB to themselves; else with physical addresses.</param>
    /// <param name="rounds">How often the whole program is called, at least 1: all rounds but the last are there to warm up.</param>
    public GuestImage Build(GuestProgram program, int iterations, bool paging, int rounds = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 1);
        const int Offset = (int)(ProgramLayout.Harness - ProgramLayout.Code);
        byte[] body = program.Build(iterations);
        byte[] harness = CodeBuilder.Assemble(ProgramLayout.Harness, b => Emit(b, paging, rounds));
        byte[] image = new byte[Offset + harness.Length];
        body.CopyTo(image, 0);
        harness.CopyTo(image, Offset);
        return new GuestImage(image, ProgramLayout.Code, ProgramLayout.Harness);
    }

    /// <summary>From the machine's initial state to a stack, interrupts off.</summary>
    protected abstract void EmitSetUp(CodeBuilder b);

    /// <summary>Switches to the page directory at <see cref="ProgramLayout.PageDirectory"/>.</summary>
    protected abstract void EmitPagingOn(CodeBuilder b);

    /// <summary>Prints the character in al; may use eax and edx.</summary>
    protected abstract void EmitPutCharacter(CodeBuilder b);

    /// <summary>Ends the machine well. Never returns.</summary>
    protected abstract void EmitEnd(CodeBuilder b);

    /// <summary>Constants that the parts above refer to; behind the code, where nothing runs into them.</summary>
    protected abstract void EmitData(CodeBuilder b);

    private void Emit(CodeBuilder b, bool paging, int rounds)
    {
        Assembler c = b.Asm;
        CodeLabel putCharacter = b.NewLabel();
        CodeLabel digit = b.NewLabel();

        EmitSetUp(b);
        if (paging)
        {
            EmitIdentityTables(b);
            EmitPagingOn(b);
        }

        c.push(rounds);
        CodeLabel round = b.Here();
        foreach (char character in "run\n")
        {
            c.mov(eax, character);
            c.call(putCharacter);
        }

        c.mov(eax, ProgramLayout.Code);
        c.call(eax);
        c.mov(ebx, eax);
        c.mov(ecx, 8);
        CodeLabel next = b.Here();
        c.rol(ebx, 4);
        c.mov(eax, ebx);
        c.and(eax, 15);
        c.cmp(eax, 10);
        c.jb(digit);
        c.add(eax, 'a' - '0' - 10);
        b.Mark(digit);
        c.add(eax, '0');
        c.call(putCharacter);
        c.dec(ecx);
        c.jne(next);
        c.mov(eax, '\n');
        c.call(putCharacter);
        c.dec(__dword_ptr[esp]);
        c.jne(round);
        if (rounds > 1)
        {
            // Who measures wants to look at the process once more when the last line has come, and may be late.
            c.mov(ecx, Linger);
            CodeLabel linger = b.Here();
            c.dec(ecx);
            c.jne(linger);
        }

        EmitEnd(b);

        b.Mark(putCharacter);
        EmitPutCharacter(b);
        c.ret();
        EmitData(b);
    }

    private static void EmitIdentityTables(CodeBuilder b)
    {
        Assembler c = b.Asm;
        const uint Tables = ProgramLayout.PageDirectory + 0x1000;
        for (uint slot = 0; slot < 4; slot++)
        {
            c.mov(__dword_ptr[ProgramLayout.PageDirectory + 4 * slot], (Tables + 0x1000 * slot) | 0x063);
        }

        // Accessed and dirty from the start, as an operating system has its own mappings.
        c.mov(eax, 0x063);
        c.mov(edx, Tables);
        CodeLabel next = b.Here();
        c.mov(__dword_ptr[edx], eax);
        c.add(edx, 4);
        c.add(eax, 0x1000);
        c.cmp(edx, Tables + 0x4000);
        c.jne(next);
    }
}
