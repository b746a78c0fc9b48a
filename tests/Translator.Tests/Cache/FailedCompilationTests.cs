using System.Reflection.Emit;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Discover;
using Lguest.Jit.Translator.Emit;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Cache;

/// <summary>What becomes of native memory when a compilation ends with an exception.</summary>
public sealed class FailedCompilationTests
{
    [Fact]
    public void A_compilation_that_throws_gives_back_what_it_has_allocated()
    {
        // lahf; aam; jmp far away: two instructions with ops of their own, and a way out.
        byte[] code = [0x9F, 0xD4, 0x0A, 0xE9, 0x00, 0x00, 0x01, 0x00];
        var plan = new RegionPlan
        {
            Blocks = [new PlannedBlock(0, Rig.Code, Rig.Code, code, 3)],
            Pages = [],
            Mode = CpuMode.None,
            CacheGeneration = 0,
        };
        long before = HostAllocations.LiveHere;
        using (RegionCompiler.Compile(plan, new Optimisations()))
        {
            Assert.True(HostAllocations.LiveHere > before);
        }

        Assert.Equal(before, HostAllocations.LiveHere);

        // An instruction that finds nothing on the stack: the runtime will not have it.
        _ = Assert.Throws<InvalidProgramException>(() => RegionCompiler.Compile(plan, new Optimisations(), static il =>
        {
            il.Emit(OpCodes.Add);
            return il;
        }));
        Assert.Equal(before, HostAllocations.LiveHere);
    }
}
