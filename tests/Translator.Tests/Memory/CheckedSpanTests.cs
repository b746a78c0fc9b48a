using Lguest.Jit.Core.Execution;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Launcher.Tour;
using Lguest.Jit.Translator.Tests.Rigs;
using Lguest.Jit.Translator.Trace;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.Tests.Memory;

/// <summary>Accesses that are checked together are checked so that the check can hold.</summary>
public sealed class CheckedSpanTests
{
    private const uint Page = 0x101000;

    [Theory]
    [InlineData(Page - 4, Page)]
    [InlineData(Page, Page - 4)]
    [InlineData(Page - 8, Page + 8)]
    public void Known_addresses_on_both_sides_of_a_page_s_end_are_not_checked_as_one(uint first, uint second)
    {
        using var watch = new RegionWatch();
        using var rig = new Rig(machine => new TieredEngine(
            machine, 50, optimisations: new Optimisations { Windows = false }, probes: new EngineProbes { Watch = watch }, waits: true));
        rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, b =>
        {
            b.Asm.mov(ecx, 4000);
            CodeLabel top = b.Here();
            b.Asm.add(__dword_ptr[first], 1);
            b.Asm.add(__dword_ptr[second], 2);
            b.Asm.dec(ecx);
            b.Asm.jnz(top.Value);
            b.Asm.int3();
        }));
        Assert.Equal(ExitReason.SoftwareInterrupt, rig.Run());
        Assert.True(rig.Machine.Ram.TryRead32(first, out uint one) && rig.Machine.Ram.TryRead32(second, out uint two) && (one, two) == (4000, 8000));
        Assert.InRange(watch.Counts[(int)LeaveReason.Miss], 0, 8);
    }

    /// <summary>Off ESI, in blocks that are reached in one way each; the register moves in between, and by different amounts on the two ways on.</summary>
    private static void Ways(CodeBuilder b)
    {
        CodeLabel there = b.NewLabel();
        CodeLabel on = b.NewLabel();
        b.Asm.mov(ecx, 4000);
        CodeLabel top = b.Here();
        b.Asm.mov(esi, ecx);
        b.Asm.and(esi, 0xFF0);
        b.Asm.add(esi, (int)Page);
        b.Asm.add(__dword_ptr[esi], ecx);
        b.Asm.mov(edx, __dword_ptr[esi + 12]);
        b.Asm.add(esi, 4);
        b.Asm.test(ecx, 8);
        b.Asm.jz(there.Value);
        b.Asm.add(esi, 4);
        b.Asm.add(__dword_ptr[esi - 8], 5);
        b.Asm.add(ebx, __dword_ptr[esi + 4]);
        b.Asm.jmp(on.Value);
        b.Mark(there);
        b.Asm.sub(esi, 4);
        b.Asm.add(edi, __dword_ptr[esi]);
        b.Asm.add(__dword_ptr[esi + 12], 3);
        b.Mark(on);
        b.Asm.dec(ecx);
        b.Asm.jnz(top.Value);
        b.Asm.int3();
    }

    [Fact]
    public void What_a_block_has_checked_the_only_ones_behind_it_need_not_check_again()
    {
        (string with, int size) = RunWays(inherited: true);
        (string without, int larger) = RunWays(inherited: false);
        using var oracle = new Rig(static machine => new InterpreterEngine(machine));
        oracle.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, Ways));
        string expected = oracle.State(oracle.Run()) + oracle.Memory(Page, 0x1010);
        Assert.Equal((expected, expected), (with, without));
        Assert.True(size < larger - 100, $"{size} and {larger} bytes of IL");
    }

    private static (string Result, int IlBytes) RunWays(bool inherited)
    {
        using var rig = new Rig(machine => new TieredEngine(machine, 0, optimisations: new Optimisations { Windows = false, InheritedSpans = inherited }));
        rig.Write(Rig.Code, CodeBuilder.Assemble(Rig.Code, Ways));
        string state = rig.State(rig.Run());
        return (state + rig.Memory(Page, 0x1010), ((TieredEngine)rig.Engine).Regions.All.Sum(static region => region.IlBytes));
    }
}
