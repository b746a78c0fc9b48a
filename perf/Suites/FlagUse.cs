using Iced.Intel;
using Lguest.Jit.Launcher.Tour;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Perf.Suites;

/// <summary>Flags, from those that nobody looks at to those that everybody does: an operation is one producer with its consumer.</summary>
public class FlagUse : LoopSuite
{
    private const int Many = 32;

    internal override IReadOnlyDictionary<string, GuestLoop> Loops { get; } = new Dictionary<string, GuestLoop>
    {
        ["add, dead"] = Pieces(static (c, _) => c.add(eax, ebx)),
        ["cmp jcc"] = Pieces(static (c, skip) =>
        {
            c.cmp(eax, ebx);
            c.jl(skip);
        }),
        ["test jcc"] = Pieces(static (c, skip) =>
        {
            c.test(eax, eax);
            c.js(skip);
        }),
        ["add jo"] = Pieces(static (c, skip) =>
        {
            c.add(ecx, ebx);
            c.jo(skip);
        }),
        ["cmp jp"] = Pieces(static (c, skip) =>
        {
            c.cmp(eax, ebx);
            c.jp(skip);
        }),
        ["cmp ja je, two readers"] = Pieces(static (c, skip) =>
        {
            c.cmp(ebx, eax);
            c.ja(skip);
            c.je(skip);
        }),
        ["cmp setcc"] = Pieces(static (c, _) =>
        {
            c.cmp(eax, ebx);
            c.setl(cl);
        }),
        ["cmp cmovcc"] = Pieces(static (c, _) =>
        {
            c.cmp(eax, ebx);
            c.cmovb(edx, ecx);
        }),
        ["add adc"] = Pieces(static (c, _) =>
        {
            c.add(eax, ebx);
            c.adc(edx, ecx);
        }),
        ["add inc adc, carry kept"] = Pieces(static (c, _) =>
        {
            c.add(eax, ebx);
            c.inc(esi);
            c.adc(edx, ecx);
        }),
        ["neg sbb"] = Pieces(static (c, _) =>
        {
            c.neg(edx);
            c.sbb(edx, edx);
        }),
        ["shl jc"] = Pieces(static (c, skip) =>
        {
            c.shl(edx, 1);
            c.jc(skip);
        }),
        ["shr cl je, count unknown"] = Pieces(static (c, skip) =>
        {
            c.shr(edx, cl);
            c.je(skip);
        }),
        ["rol adc"] = Pieces(static (c, _) =>
        {
            c.rol(eax, 5);
            c.adc(edx, ecx);
        }),
        ["bt jc"] = Pieces(static (c, skip) =>
        {
            c.bt(eax, 7);
            c.jc(skip);
        }),
        ["imul jo"] = Pieces(static (c, skip) =>
        {
            c.imul(edx, ebx);
            c.jo(skip);
        }),
        ["cmp lahf"] = Pieces(static (c, _) =>
        {
            c.cmp(edx, ebx);
            c.lahf();
        }),
        ["cmp pushf"] = Pieces(static (c, _) =>
        {
            c.cmp(eax, ebx);
            c.pushfd();
            c.lea(esp, __[esp + 4]);
        }),
    };

    private static GuestLoop Pieces(Action<Assembler, Label> piece) => GuestLoop.Unrolled(
        Many,
        static b =>
        {
            b.Asm.mov(eax, 0x12340);
            b.Asm.mov(ebx, 0x123);
            b.Asm.mov(ecx, 3);
        },
        (b, _) =>
        {
            CodeLabel skip = b.NewLabel();
            piece(b.Asm, skip.Value);
            b.Mark(skip);
        });
}
