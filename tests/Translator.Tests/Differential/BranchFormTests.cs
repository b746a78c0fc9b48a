using Lguest.Jit.Core.Interpreter;
using Lguest.Jit.Core.State;
using Lguest.Jit.Translator.Tests.Rigs;

namespace Lguest.Jit.Translator.Tests.Differential;

/// <summary>Ends of blocks in unusual encodings, on both engines.</summary>
public sealed unsafe class BranchFormTests
{
    [Theory]
    [InlineData("67FF27", "jmp dword [bx]")]
    [InlineData("67FF17", "call dword [bx]")]
    [InlineData("67FF20", "jmp dword [bx+si]")]
    [InlineData("67FF260070", "jmp dword [0x7000], a 16-bit address")]
    [InlineData("2EFF23", "jmp dword cs:[ebx]")]
    [InlineData("66E90000", "jmp rel16: eip loses its upper half")]
    [InlineData("66C3", "ret, 16 bits")]
    [InlineData("67E200", "loop by cx")]
    [InlineData("67E300", "jcxz")]
    [InlineData("E100", "loope")]
    [InlineData("F3C3", "rep ret")]
    [InlineData("C2FCFF", "ret 0xFFFC")]
    [InlineData("FF1424", "call dword [esp]")]
    [InlineData("FFD4", "call esp")]
    [InlineData("65FF23", "jmp dword gs:[ebx]")]
    [InlineData("F36C", "rep insb: refused, also where ecx is zero, as silicon does")]
    [InlineData("31C9F36E", "xor ecx, ecx; rep outsb")]
    [InlineData("F30FA6F0", "what only VIA's processors have")]
    public void An_unusual_branch_goes_where_the_interpreter_goes(string hex, string what)
    {
        // The Guest touches the page first: an address that is wrong must not be saved by a miss of the soft TLB.
        byte[] code = [0x8B, 0x13, .. Convert.FromHexString(hex), 0xCC, 0xCC];
        using var interpreter = new Rig(static machine => new InterpreterEngine(machine));
        using var translator = new Rig(static machine => new TieredEngine(machine, threshold: 0));
        Assert.Equal((what, Outcome(interpreter, code)), (what, Outcome(translator, code)));
        Assert.True(((TieredEngine)translator.Engine).Regions.Installed >= 1, what);
    }

    /// <summary>The processor looks at its privilege before it looks at the count: tried on silicon.</summary>
    [Theory]
    [InlineData("F36C")]
    [InlineData("F36E")]
    public void Repeated_port_instructions_are_refused_even_if_there_is_nothing_to_repeat(string hex)
    {
        foreach (Func<Core.Machine.GuestMachine, Core.Execution.IExecutionEngine> engine in (Func<Core.Machine.GuestMachine, Core.Execution.IExecutionEngine>[])[
            static machine => new InterpreterEngine(machine), static machine => new TieredEngine(machine, threshold: 0)])
        {
            using var rig = new Rig(engine);
            rig.Write(Rig.Code, Convert.FromHexString(hex));
            Assert.Equal(Core.Execution.ExitReason.Fault, rig.Run(10));
            Assert.Equal(Vectors.GeneralProtection, rig.Cpu->FaultVector);
            Assert.Equal(Rig.Code, rig.Cpu->Eip);
        }
    }

    private static string Outcome(Rig rig, byte[] code)
    {
        rig.Write(Rig.Code, code);
        rig.Write(0x7000, BitConverter.GetBytes(0x6000));
        rig.Write(0x107000, BitConverter.GetBytes(0x6100));
        rig.Write(0x6000, [0x40, 0xCC]);
        rig.Write(0x6100, [0x43, 0xCC]);
        rig.Write(Rig.StackTop, BitConverter.GetBytes(0x6000));
        rig.Begin(Rig.Code);

        // The upper halves are there for encodings that must not look at them.
        rig.Cpu->Gpr[Reg.Ebx] = 0x107000;
        rig.Cpu->Gpr[Reg.Ecx] = 0x10001;
        string first = rig.State(rig.Run(100)) + rig.Memory(0, 0x10000);

        // Once more over what is there now: links have been made, the jump cache knows the way, everything is translated. And
        // through another pointer, in case the first one's target was taken for the only one.
        rig.Begin(Rig.Code);
        rig.Write(0x7000, BitConverter.GetBytes(0x6100));
        rig.Write(0x107000, BitConverter.GetBytes(0x6000));
        rig.Write(Rig.StackTop, BitConverter.GetBytes(0x6100));
        rig.Cpu->Gpr[Reg.Ebx] = 0x107000;
        rig.Cpu->Gpr[Reg.Ecx] = 0x20002;
        return first + rig.State(rig.Run(100)) + rig.Memory(0, 0x10000);
    }
}
