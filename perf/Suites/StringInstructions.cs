using Iced.Intel;
using Lguest.Jit.Guests.Programs;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>String instructions by kind and length: an operation is one of them, with the loading of its registers.</summary>
public class StringInstructions : LoopSuite
{
    private const uint From = ProgramLayout.Data;
    private const uint To = ProgramLayout.Data + 0x10000;

    internal override IReadOnlyDictionary<string, GuestLoop> Loops { get; } = new Dictionary<string, GuestLoop>
    {
        ["movsb"] = String(From, To, 1, static c => c.movsb()),
        ["lodsd"] = String(From, To, 1, static c => c.lodsd()),
        ["stosd"] = String(From, To, 1, static c => c.stosd()),
        ["rep movsb, none"] = String(From, To, 0, static c => c.rep.movsb()),
        ["rep movsb, 7"] = String(From, To, 7, static c => c.rep.movsb()),
        ["rep movsb, 4096"] = String(From, To, 4096, static c => c.rep.movsb()),
        ["rep movsb, 4096, overlapping by all but 1"] = String(From, From + 1, 4096, static c => c.rep.movsb()),
        ["rep movsb, 4096, downwards"] = String(From + 0x1FFF, To + 0x1FFF, 4096, static c => c.rep.movsb(), down: true),
        ["rep movsd, 8"] = String(From, To, 8, static c => c.rep.movsd()),
        ["rep movsd, 1024"] = String(From, To, 1024, static c => c.rep.movsd()),
        ["rep movsd, 1024, unaligned"] = String(From + 1, To + 3, 1024, static c => c.rep.movsd()),
        ["rep stosb, 4096"] = String(From, To, 4096, static c => c.rep.stosb()),
        ["rep stosd, 8"] = String(From, To, 8, static c => c.rep.stosd()),
        ["rep stosd, 1024"] = String(From, To, 1024, static c => c.rep.stosd()),
        ["rep lodsd, 1024"] = String(From, To, 1024, static c => c.rep.lodsd()),
        ["repe cmpsb, 256"] = String(From, To, 256, static c => c.repe.cmpsb()),
        ["repe cmpsd, 64"] = String(From, To, 64, static c => c.repe.cmpsd()),
        ["repne scasb, 256"] = String(From, To, 256, static c => c.repne.scasb(), value: 0x01010101),
    };

    private static GuestLoop String(uint from, uint to, int count, Action<Assembler> instruction, bool down = false, uint value = 0) => new(1, b =>
    {
        Assembler c = b.Asm;
        if (down)
        {
            c.std();
        }

        CodeLabel start = b.Here();
        c.mov(eax, value);
        c.mov(esi, from);
        c.mov(edi, to);
        c.mov(ecx, count);
        instruction(c);
        c.jmp(start.Value);
        return start;
    });
}
