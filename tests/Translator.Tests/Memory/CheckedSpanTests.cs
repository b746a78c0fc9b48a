using Lguest.Jit.Core.Execution;
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
}
