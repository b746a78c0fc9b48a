using Iced.Intel;

namespace Lguest.Jit.Core.Interpreter.Arithmetic;

/// <summary>Lowering of the common shape: an instruction type over width and place, one r/m operand, perhaps one register.</summary>
internal static class OperandForms
{
    /// <summary>
    /// Emits <c>instruction&lt;leading…, width, place&gt;</c>. The r/m operand, if a register, goes to
    /// <see cref="Op.Destination"/>.
    /// </summary>
    /// <param name="w">Where to.</param>
    /// <param name="instruction">Open generic instruction type whose last two parameters are width and place.</param>
    /// <param name="rm">Number of the r/m operand.</param>
    /// <param name="write">Is it written?</param>
    /// <param name="leading">Type arguments before the width.</param>
    public static ref Op Emit(OpWriter w, Type instruction, int rm, bool write, params ReadOnlySpan<Type> leading)
    {
        int size = w.OperandSize(rm);
        Type place = w.Place(rm, size, write);
        Type closed = instruction.MakeGenericType([.. leading, OpWriter.Width(size), place]);
        ref Op op = ref EmitPlain(w, closed);
        if (place == typeof(RegisterPlace))
        {
            op.Destination = w.OperandOffset(rm);
        }

        return ref op;
    }

    /// <summary>As <see cref="Emit"/>, with register operand <paramref name="register"/> in <see cref="Op.Source"/>.</summary>
    public static ref Op EmitWithRegister(OpWriter w, Type instruction, int rm, bool write, int register, params ReadOnlySpan<Type> leading)
    {
        ref Op op = ref Emit(w, instruction, rm, write, leading);
        op.Source = w.OperandOffset(register);
        return ref op;
    }

    /// <summary>Emits a closed instruction type that goes on to the next instruction.</summary>
    public static unsafe ref Op EmitPlain(OpWriter w, Type instruction) => ref w.Emit(HandlerBinder.Plain(instruction));

    /// <summary>Lowering of an instruction without operands.</summary>
    public static Lower Fixed<TInstruction>()
        where TInstruction : struct, IInstruction => static (OpWriter w, in Instruction _) => EmitPlain(w, typeof(TInstruction));
}
