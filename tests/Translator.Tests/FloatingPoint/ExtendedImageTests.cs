using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Tests.Rigs;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.FloatingPoint;

/// <summary>FXSAVE and FXRSTOR, wherever their 512 bytes lie.</summary>
public sealed unsafe class ExtendedImageTests
{
    private const uint Used = 288;

    public static TheoryData<uint, bool> Places => new()
    {
        { 0x101000, true }, { 0x101000, false },

        // The last place in a page, and those that reach into the next one: by software's bytes alone, by an XMM register, by an x87 one.
        { 0x101E00, true }, { 0x101E00, false },
        { 0x101E10, true }, { 0x101E10, false },
        { 0x101F00, true }, { 0x101F00, false },
        { 0x101FC0, true }, { 0x101FC0, false },
    };

    [Theory]
    [MemberData(nameof(Places))]
    public void What_is_saved_in_one_place_is_the_same_after_it_has_gone_through_another(uint place, bool translated)
    {
        const uint first = 0x110000;
        const uint last = 0x112000;
        using var rig = new Rig(machine => translated ? new TieredEngine(machine, 0) : new InterpreterEngine(machine));
        rig.Write(place, [.. Enumerable.Repeat((byte)0xEE, 0x200)]);
        rig.Write(last, [.. Enumerable.Repeat((byte)0xEE, 0x200)]);
        rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, b =>
        {
            b.Asm.mov(eax, 0x1234_5678);
            b.Asm.movd(xmm5, eax);
            b.Asm.fninit();
            b.Asm.fldpi();
            b.Asm.fld1();
            b.Asm.fldl2e();
            b.Asm.fchs();
            b.Asm.fxsave(__[first]);
            b.Asm.fxsave(__[place]);
            b.Asm.fninit();
            b.Asm.fldz();
            b.Asm.pxor(xmm5, xmm5);
            b.Asm.fxrstor(__[place]);
            b.Asm.fxsave(__[last]);
            b.Asm.int3();
        }));
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        string expected = Convert.ToHexString(rig.Machine.Ram.Window(first, Used));
        Assert.Equal(expected, Convert.ToHexString(rig.Machine.Ram.Window(place, Used)));
        Assert.Equal(expected, Convert.ToHexString(rig.Machine.Ram.Window(last, Used)));
        Assert.Equal(0x1234_5678u, BitConverter.ToUInt32(rig.Machine.Ram.Window(place + 160 + (5 * 16), 4)));

        // -log2(e), 1, pi; and nothing of what software may keep behind them.
        Assert.Equal("BCF0175C293BAAB8FFBF000000000000", Convert.ToHexString(rig.Machine.Ram.Window(place + 32, 16)));
        Assert.Equal(new byte[] { 0xEE, 0xEE }, rig.Machine.Ram.Window(last + Used, 2).ToArray());
    }
}
