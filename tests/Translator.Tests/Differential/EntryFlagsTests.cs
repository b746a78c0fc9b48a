using Lguest.Jit.Core.Flags;
using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Differential;

/// <summary>Flags that a region was entered with and has changed in part, seen past instructions that a handler runs and that leave them alone.</summary>
public sealed unsafe class EntryFlagsTests
{
    /// <summary>SGDT [0x20000], which has no template.</summary>
    private const string Handler = "0F010500000200";

    [Theory]
    [InlineData("F5", 0x001)] // cmc
    [InlineData("F5", 0x8D4)]
    [InlineData("F8", 0x8D5)] // clc
    [InlineData("F9", 0x8D4)] // stc
    [InlineData("40", 0x001)] // inc eax
    [InlineData("48", 0x001)] // dec eax
    [InlineData("D3E0", 0x8D5)] // shl eax, cl by 0
    [InlineData("0FA5D0", 0x8D5)] // shld eax, edx, cl by 0
    public void A_change_is_made_once_whoever_looks_in_between(string change, int flags)
    {
        // Twice may look like never.
        Agree(change + Handler + "CC", flags);
        Agree(change + Handler + Handler + "CC", flags);
    }

    private static void Agree(string hex, int flags)
    {
        byte[] code = Convert.FromHexString(hex);
        string? interpreted = null;
        foreach (bool translated in new[] { false, true })
        {
            using var rig = new Rig(machine => translated ? new TieredEngine(machine, 0) : new InterpreterEngine(machine));
            rig.Write(Rig.Code, code);
            LazyFlags.Set(rig.Cpu, (uint)flags);
            string state = rig.State(rig.Run());
            interpreted ??= state;
            Assert.Equal(interpreted, state);
            Assert.Contains("SoftwareInterrupt", state, StringComparison.Ordinal);
        }
    }
}
