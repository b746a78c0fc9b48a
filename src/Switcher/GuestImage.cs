namespace Lguest.Jit.Switcher;

/// <summary>A Guest in one piece, ready to be copied to RAM.</summary>
/// <param name="Bytes">Code and data.</param>
/// <param name="LoadAddress">Guest-physical address of the first byte.</param>
/// <param name="Entry">Guest-physical address of the first instruction.</param>
internal sealed record GuestImage(byte[] Bytes, uint LoadAddress, uint Entry);
