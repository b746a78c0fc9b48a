using Iced.Intel;
using Lguest.Jit.Core.Simd;
using Lguest.Jit.Core.Simd.Floating;

namespace Lguest.Jit.Core.Interpreter.Simd;

/// <summary>Which operation serves which instruction: the one list that both engines read.</summary>
internal static class SimdTable
{
    /// <summary>Where an MMX register's half width makes it another operation.</summary>
    private static readonly Dictionary<Mnemonic, Type> s_mmx = new()
    {
        [Mnemonic.Punpckhbw] = typeof(PunpckhbwMmx),
        [Mnemonic.Punpckhwd] = typeof(PunpckhwdMmx),
        [Mnemonic.Punpckhdq] = typeof(PunpckhdqMmx),
        [Mnemonic.Packsswb] = typeof(PacksswbMmx),
        [Mnemonic.Packssdw] = typeof(PackssdwMmx),
        [Mnemonic.Packuswb] = typeof(PackuswbMmx),
        [Mnemonic.Pmovmskb] = typeof(PmovmskbMmx),
        [Mnemonic.Pinsrw] = typeof(PinsrwMmx),
        [Mnemonic.Pextrw] = typeof(PextrwMmx),
    };

    private static readonly Dictionary<Mnemonic, Type> s_operations = new()
    {
        [Mnemonic.Paddb] = typeof(Paddb),
        [Mnemonic.Paddw] = typeof(Paddw),
        [Mnemonic.Paddd] = typeof(Paddd),
        [Mnemonic.Paddq] = typeof(Paddq),
        [Mnemonic.Psubb] = typeof(Psubb),
        [Mnemonic.Psubw] = typeof(Psubw),
        [Mnemonic.Psubd] = typeof(Psubd),
        [Mnemonic.Psubq] = typeof(Psubq),
        [Mnemonic.Paddsb] = typeof(Paddsb),
        [Mnemonic.Paddsw] = typeof(Paddsw),
        [Mnemonic.Paddusb] = typeof(Paddusb),
        [Mnemonic.Paddusw] = typeof(Paddusw),
        [Mnemonic.Psubsb] = typeof(Psubsb),
        [Mnemonic.Psubsw] = typeof(Psubsw),
        [Mnemonic.Psubusb] = typeof(Psubusb),
        [Mnemonic.Psubusw] = typeof(Psubusw),
        [Mnemonic.Pminub] = typeof(Pminub),
        [Mnemonic.Pmaxub] = typeof(Pmaxub),
        [Mnemonic.Pminsw] = typeof(Pminsw),
        [Mnemonic.Pmaxsw] = typeof(Pmaxsw),
        [Mnemonic.Pavgb] = typeof(Pavgb),
        [Mnemonic.Pavgw] = typeof(Pavgw),
        [Mnemonic.Pmullw] = typeof(Pmullw),
        [Mnemonic.Pmulhw] = typeof(Pmulhw),
        [Mnemonic.Pmulhuw] = typeof(Pmulhuw),
        [Mnemonic.Pmuludq] = typeof(Pmuludq),
        [Mnemonic.Pmaddwd] = typeof(Pmaddwd),
        [Mnemonic.Psadbw] = typeof(Psadbw),
        [Mnemonic.Pand] = typeof(Pand),
        [Mnemonic.Pandn] = typeof(Pandn),
        [Mnemonic.Por] = typeof(Por),
        [Mnemonic.Pxor] = typeof(Pxor),
        [Mnemonic.Pcmpeqb] = typeof(Pcmpeqb),
        [Mnemonic.Pcmpeqw] = typeof(Pcmpeqw),
        [Mnemonic.Pcmpeqd] = typeof(Pcmpeqd),
        [Mnemonic.Pcmpgtb] = typeof(Pcmpgtb),
        [Mnemonic.Pcmpgtw] = typeof(Pcmpgtw),
        [Mnemonic.Pcmpgtd] = typeof(Pcmpgtd),
        [Mnemonic.Punpcklbw] = typeof(Punpcklbw),
        [Mnemonic.Punpcklwd] = typeof(Punpcklwd),
        [Mnemonic.Punpckldq] = typeof(Punpckldq),
        [Mnemonic.Punpckhbw] = typeof(Punpckhbw),
        [Mnemonic.Punpckhwd] = typeof(Punpckhwd),
        [Mnemonic.Punpckhdq] = typeof(Punpckhdq),
        [Mnemonic.Punpcklqdq] = typeof(Punpcklqdq),
        [Mnemonic.Punpckhqdq] = typeof(Punpckhqdq),
        [Mnemonic.Packsswb] = typeof(Packsswb),
        [Mnemonic.Packssdw] = typeof(Packssdw),
        [Mnemonic.Packuswb] = typeof(Packuswb),
        [Mnemonic.Pmovmskb] = typeof(Pmovmskb),
        [Mnemonic.Psllw] = typeof(Psllw),
        [Mnemonic.Pslld] = typeof(Pslld),
        [Mnemonic.Psllq] = typeof(Psllq),
        [Mnemonic.Psrlw] = typeof(Psrlw),
        [Mnemonic.Psrld] = typeof(Psrld),
        [Mnemonic.Psrlq] = typeof(Psrlq),
        [Mnemonic.Psraw] = typeof(Psraw),
        [Mnemonic.Psrad] = typeof(Psrad),
        [Mnemonic.Pslldq] = typeof(Pslldq),
        [Mnemonic.Psrldq] = typeof(Psrldq),
        [Mnemonic.Pshufd] = typeof(Pshufd),
        [Mnemonic.Pshuflw] = typeof(Pshuflw),
        [Mnemonic.Pshufhw] = typeof(Pshufhw),
        [Mnemonic.Pinsrw] = typeof(Pinsrw),
        [Mnemonic.Pextrw] = typeof(Pextrw),
        [Mnemonic.Shufps] = typeof(Shufps),
        [Mnemonic.Shufpd] = typeof(Shufpd),
        [Mnemonic.Movhlps] = typeof(Movhlps),
        [Mnemonic.Movlhps] = typeof(Movlhps),
        [Mnemonic.Movmskps] = typeof(Movmskps),
        [Mnemonic.Movmskpd] = typeof(Movmskpd),
        [Mnemonic.Rcpps] = typeof(Rcpps),
        [Mnemonic.Rcpss] = typeof(Rcpss),
        [Mnemonic.Rsqrtps] = typeof(Rsqrtps),
        [Mnemonic.Rsqrtss] = typeof(Rsqrtss),
        [Mnemonic.Movq] = typeof(Movq),
        [Mnemonic.Movdqa] = typeof(Movdqa),
        [Mnemonic.Movss] = typeof(Movss),
        [Mnemonic.Movsd] = typeof(Movsd),

        // The same bits under other names.
        [Mnemonic.Pshufw] = typeof(Pshuflw),
        [Mnemonic.Andps] = typeof(Pand),
        [Mnemonic.Andpd] = typeof(Pand),
        [Mnemonic.Andnps] = typeof(Pandn),
        [Mnemonic.Andnpd] = typeof(Pandn),
        [Mnemonic.Orps] = typeof(Por),
        [Mnemonic.Orpd] = typeof(Por),
        [Mnemonic.Xorps] = typeof(Pxor),
        [Mnemonic.Xorpd] = typeof(Pxor),
        [Mnemonic.Unpcklps] = typeof(Punpckldq),
        [Mnemonic.Unpckhps] = typeof(Punpckhdq),
        [Mnemonic.Unpcklpd] = typeof(Punpcklqdq),
        [Mnemonic.Unpckhpd] = typeof(Punpckhqdq),
        [Mnemonic.Movhps] = typeof(Movlhps),
        [Mnemonic.Movhpd] = typeof(Movlhps),
        [Mnemonic.Movlps] = typeof(Movsd),
        [Mnemonic.Movlpd] = typeof(Movsd),
        [Mnemonic.Movaps] = typeof(Movdqa),
        [Mnemonic.Movapd] = typeof(Movdqa),
        [Mnemonic.Movups] = typeof(Movdqa),
        [Mnemonic.Movupd] = typeof(Movdqa),
        [Mnemonic.Movdqu] = typeof(Movdqa),
        [Mnemonic.Movd] = typeof(Movdqa),
        [Mnemonic.Movq2dq] = typeof(Movdqa),
        [Mnemonic.Movdq2q] = typeof(Movdqa),
        [Mnemonic.Movntps] = typeof(Movdqa),
        [Mnemonic.Movntpd] = typeof(Movdqa),
        [Mnemonic.Movntdq] = typeof(Movdqa),
        [Mnemonic.Movntq] = typeof(Movdqa),
        [Mnemonic.Movnti] = typeof(Movdqa),

        // Conversions.
        [Mnemonic.Cvtpi2ps] = typeof(Conversion<FromInteger<float>, TwoLowLanes>),
        [Mnemonic.Cvtpi2pd] = typeof(Conversion<FromInteger<double>, TwoLanes>),
        [Mnemonic.Cvtsi2ss] = typeof(Conversion<FromInteger<float>, OneLane>),
        [Mnemonic.Cvtsi2sd] = typeof(Conversion<FromInteger<double>, OneLane>),
        [Mnemonic.Cvtdq2ps] = typeof(Conversion<FromInteger<float>, FourLanes>),
        [Mnemonic.Cvtdq2pd] = typeof(Conversion<FromInteger<double>, TwoLanes>),
        [Mnemonic.Cvtps2pi] = typeof(Conversion<ToInteger<float, ByControl>, TwoLanes>),
        [Mnemonic.Cvttps2pi] = typeof(Conversion<ToInteger<float, Truncating>, TwoLanes>),
        [Mnemonic.Cvtpd2pi] = typeof(Conversion<ToInteger<double, ByControl>, TwoLanes>),
        [Mnemonic.Cvttpd2pi] = typeof(Conversion<ToInteger<double, Truncating>, TwoLanes>),
        [Mnemonic.Cvtss2si] = typeof(Conversion<ToInteger<float, ByControl>, OneLane>),
        [Mnemonic.Cvttss2si] = typeof(Conversion<ToInteger<float, Truncating>, OneLane>),
        [Mnemonic.Cvtsd2si] = typeof(Conversion<ToInteger<double, ByControl>, OneLane>),
        [Mnemonic.Cvttsd2si] = typeof(Conversion<ToInteger<double, Truncating>, OneLane>),
        [Mnemonic.Cvtps2dq] = typeof(Conversion<ToInteger<float, ByControl>, FourLanes>),
        [Mnemonic.Cvttps2dq] = typeof(Conversion<ToInteger<float, Truncating>, FourLanes>),
        [Mnemonic.Cvtpd2dq] = typeof(Conversion<ToInteger<double, ByControl>, TwoLanes>),
        [Mnemonic.Cvttpd2dq] = typeof(Conversion<ToInteger<double, Truncating>, TwoLanes>),
        [Mnemonic.Cvtps2pd] = typeof(Conversion<Resize<float, double>, TwoLanes>),
        [Mnemonic.Cvtss2sd] = typeof(Conversion<Resize<float, double>, OneLane>),
        [Mnemonic.Cvtpd2ps] = typeof(Conversion<Resize<double, float>, TwoLanes>),
        [Mnemonic.Cvtsd2ss] = typeof(Conversion<Resize<double, float>, OneLane>),

        // Arithmetic.
        [Mnemonic.Addss] = typeof(FloatOperation<Add, float, ScalarShape>),
        [Mnemonic.Addsd] = typeof(FloatOperation<Add, double, ScalarShape>),
        [Mnemonic.Addps] = typeof(FloatOperation<Add, float, PackedShape>),
        [Mnemonic.Addpd] = typeof(FloatOperation<Add, double, PackedShape>),
        [Mnemonic.Subss] = typeof(FloatOperation<Subtract, float, ScalarShape>),
        [Mnemonic.Subsd] = typeof(FloatOperation<Subtract, double, ScalarShape>),
        [Mnemonic.Subps] = typeof(FloatOperation<Subtract, float, PackedShape>),
        [Mnemonic.Subpd] = typeof(FloatOperation<Subtract, double, PackedShape>),
        [Mnemonic.Mulss] = typeof(FloatOperation<Multiply, float, ScalarShape>),
        [Mnemonic.Mulsd] = typeof(FloatOperation<Multiply, double, ScalarShape>),
        [Mnemonic.Mulps] = typeof(FloatOperation<Multiply, float, PackedShape>),
        [Mnemonic.Mulpd] = typeof(FloatOperation<Multiply, double, PackedShape>),
        [Mnemonic.Divss] = typeof(FloatOperation<Divide, float, ScalarShape>),
        [Mnemonic.Divsd] = typeof(FloatOperation<Divide, double, ScalarShape>),
        [Mnemonic.Divps] = typeof(FloatOperation<Divide, float, PackedShape>),
        [Mnemonic.Divpd] = typeof(FloatOperation<Divide, double, PackedShape>),
        [Mnemonic.Sqrtss] = typeof(FloatOperation<SquareRoot, float, ScalarShape>),
        [Mnemonic.Sqrtsd] = typeof(FloatOperation<SquareRoot, double, ScalarShape>),
        [Mnemonic.Sqrtps] = typeof(FloatOperation<SquareRoot, float, PackedShape>),
        [Mnemonic.Sqrtpd] = typeof(FloatOperation<SquareRoot, double, PackedShape>),
        [Mnemonic.Minss] = typeof(FloatOperation<Minimum, float, ScalarShape>),
        [Mnemonic.Minsd] = typeof(FloatOperation<Minimum, double, ScalarShape>),
        [Mnemonic.Minps] = typeof(FloatOperation<Minimum, float, PackedShape>),
        [Mnemonic.Minpd] = typeof(FloatOperation<Minimum, double, PackedShape>),
        [Mnemonic.Maxss] = typeof(FloatOperation<Maximum, float, ScalarShape>),
        [Mnemonic.Maxsd] = typeof(FloatOperation<Maximum, double, ScalarShape>),
        [Mnemonic.Maxps] = typeof(FloatOperation<Maximum, float, PackedShape>),
        [Mnemonic.Maxpd] = typeof(FloatOperation<Maximum, double, PackedShape>),
        [Mnemonic.Cmpss] = typeof(FloatOperation<Comparison, float, ScalarShape>),
        [Mnemonic.Cmpsd] = typeof(FloatOperation<Comparison, double, ScalarShape>),
        [Mnemonic.Cmpps] = typeof(FloatOperation<Comparison, float, PackedShape>),
        [Mnemonic.Cmppd] = typeof(FloatOperation<Comparison, double, PackedShape>),
    };

    /// <summary>Conversions that translated code tries by the Host's arithmetic.</summary>
    private static readonly Dictionary<Mnemonic, Type> s_quick = new()
    {
        [Mnemonic.Cvtsi2sd] = typeof(QuickIntegerToDouble),
        [Mnemonic.Cvtsi2ss] = typeof(QuickIntegerToSingle),
        [Mnemonic.Cvtdq2pd] = typeof(QuickIntegersToDoubles),
        [Mnemonic.Cvtdq2ps] = typeof(QuickIntegersToSingles),
        [Mnemonic.Cvtss2sd] = typeof(QuickSingleToDouble),
        [Mnemonic.Cvtsd2ss] = typeof(QuickDoubleToSingle),
        [Mnemonic.Cvttss2si] = typeof(QuickTruncation<float>),
        [Mnemonic.Cvttsd2si] = typeof(QuickTruncation<double>),
        [Mnemonic.Cvtss2si] = typeof(QuickRound<float>),
        [Mnemonic.Cvtsd2si] = typeof(QuickRound<double>),
    };

    public static IEnumerable<Mnemonic> Mnemonics => s_operations.Keys;

    /// <summary>
    /// The operation of an instruction whose first operand is a register: an <see cref="IVectorOperation"/>,
    /// <see cref="IVectorImmediateOperation"/> or <see cref="IFloatOperation"/>.
    /// </summary>
    public static Type Find(in Instruction instruction)
    {
        bool memory = instruction.GetOpKind(1) == OpKind.Memory;
        bool mmx = instruction.GetOpRegister(0).IsMM() || (instruction.GetOpKind(1) == OpKind.Register && instruction.GetOpRegister(1).IsMM());
        if (mmx && s_mmx.TryGetValue(instruction.Mnemonic, out Type? narrow))
        {
            return narrow;
        }

        // What these two load leaves zeros above it.
        return memory && instruction.Mnemonic is (Mnemonic.Movss or Mnemonic.Movsd)
            ? typeof(Movdqa)
            : s_operations[instruction.Mnemonic];
    }

    /// <summary>The interpreter's instruction for an operation: takes operation, register file and source.</summary>
    public static Type Form(Type operation, in Instruction instruction)
    {
        if (typeof(IFloatOperation).IsAssignableFrom(operation))
        {
            return typeof(FloatInstruction<,,>);
        }

        // Shifts have a form with an immediate and one without.
        return instruction.GetOpKind(instruction.OpCount - 1) == OpKind.Immediate8
            ? typeof(VectorImmediateInstruction<,,>)
            : typeof(VectorInstruction<,,>);
    }

    /// <summary>How translated code tries a floating-point operation: an <see cref="IQuickOperation"/>, or null if it does not.</summary>
    public static Type? Quick(Type operation, in Instruction instruction) =>
        typeof(IQuickOperation).IsAssignableFrom(operation) ? operation : s_quick.GetValueOrDefault(instruction.Mnemonic);
}
