using Iced.Intel;
using Lguest.Jit.Translator.Emit;
using static Iced.Intel.AssemblerRegisters;

namespace Lguest.Jit.Translator.FloatingPoint;

/// <summary>
/// Memory in a loop's thunk: each operand is replaced by one off a register that holds the Host address of a span (<see cref="X87LoopSpans"/>), behind a look at
/// the soft TLB where no span covers it yet. A miss leaves in front of its instruction.
/// </summary>
/// <remarks>r12, r13 and r15 hold Host addresses; r10 and r11 are scratch.</remarks>
/// <param name="c">Where it is written to.</param>
/// <param name="frame">Writes the exits.</param>
/// <param name="outOfLine">To be written behind all hot code.</param>
internal sealed class X87LoopMemory(Assembler c, X87LoopFrame frame, List<Action> outOfLine)
{
    private readonly X87LoopSpans _spans = new([r12, r13, r15]);

    /// <summary>Nothing has been checked at the start of a block.</summary>
    public void BeginBlock() => _spans.BeginBlock();

    /// <summary>An instruction has been executed: it may have moved what spans are relative to.</summary>
    public void Behind(in Instruction i) => _spans.Behind(i);

    /// <summary>Is the operand of an instruction within what has been checked? Else <see cref="Check"/> comes first.</summary>
    public bool TryUse(in Instruction i, ref Instruction native)
    {
        (AddressForm form, int size, bool write) = Operand(i);
        if (_spans.Find(form, size, write) is not { } found)
        {
            return false;
        }

        Use(ref native, found.Span, found.At);
        return true;
    }

    /// <summary>
    /// Asks the soft TLB for the operand of an instruction, and what the rest of the block needs beside it; out if it is not accessible. The Host's flags are
    /// overwritten.
    /// </summary>
    /// <param name="code">Of the block.</param>
    /// <param name="k">Which instruction.</param>
    /// <param name="native">Gets its operand.</param>
    /// <param name="state">The register stack in front of it.</param>
    /// <param name="pointers">And the pointers.</param>
    public void Check(Instruction[] code, int k, ref Instruction native, X87LoopState state, X87LoopPointers pointers)
    {
        (AddressForm form, int size, bool write) = Operand(code[k]);
        X87LoopSpan span = _spans.Plan(code, k, form, size, write);
        Look(span, new X87LoopExit(code[k].IP32, code.Length - k), state, pointers);
        Use(ref native, span, (int)(form.Displacement - span.Low));
    }

    private static (AddressForm Form, int Size, bool Write) Operand(in Instruction i) =>
        (AddressForm.Of(i), i.MemorySize.GetSize(), AccessClass.IsWritten(i, X87LoopSpans.MemoryOperand(i)));

    private static void Use(ref Instruction native, X87LoopSpan span, int at)
    {
        native.SegmentPrefix = Register.None;
        native.MemoryBase = (Register)span.Register;
        native.MemoryIndex = Register.None;
        native.MemoryIndexScale = 1;
        native.MemoryDisplacement64 = (ulong)at;
        native.MemoryDisplSize = at <= sbyte.MaxValue ? 1 : 8;
    }

    private void Look(X87LoopSpan span, X87LoopExit exit, X87LoopState state, X87LoopPointers pointers)
    {
        AssemblerRegister64 host = span.Register;
        AssemblerRegister32 linear = Narrow(host);
        int size = (int)(span.High - span.Low);
        int table = span.Write ? MethodNames.WriteTable : MethodNames.ReadTable;
        Label miss = c.CreateLabel();
        Label crosses = c.CreateLabel();
        Label good = c.CreateLabel();
        X87LoopRegisters.LoadAddress(c, linear, span.Form with { Displacement = (int)span.Low });
        c.mov(r10d, linear);
        c.shr(r10d, 12);
        c.mov(r11, __qword_ptr[r8 + table]);
        c.mov(r10, __qword_ptr[r11 + r10 * 8]);
        c.test(r10, r10);
        c.je(miss);
        c.mov(r11d, linear);
        c.and(r11d, 0xFFF);
        c.cmp(r11d, 0x1000 - size);
        c.ja(crosses);
        c.Label(ref good);
        c.add(host, r10);
        outOfLine.Add(() =>
        {
            // Neighbours that are neighbours in the Host as well.
            c.Label(ref crosses);
            c.lea(r11, __[host + (size - 1)]);
            c.shr(r11, 12);
            c.cmp(r11d, 0xFFFFF);
            c.ja(miss);
            c.shl(r11, 3);
            c.add(r11, __qword_ptr[r8 + table]);
            c.cmp(r10, __qword_ptr[r11]);
            c.je(good);
            c.Label(ref miss);
            pointers.Write(c);
            frame.Exit(exit, state);
        });
    }

    private static AssemblerRegister32 Narrow(AssemblerRegister64 register) => register == r12 ? r12d : register == r13 ? r13d : r15d;
}
